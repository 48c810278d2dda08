#![no_main]
//! See `losant_exporter_fuzz::config`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| losant_exporter_fuzz::config::check(data));
