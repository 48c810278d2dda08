#![no_main]
//! See `losant_exporter_fuzz::page`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| losant_exporter_fuzz::page::check(data));
