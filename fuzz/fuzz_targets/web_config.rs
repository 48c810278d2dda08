#![no_main]
//! See `losant_exporter_fuzz::web_config`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| losant_exporter_fuzz::web_config::check(data));
