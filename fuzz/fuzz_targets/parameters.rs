#![no_main]
//! See `losant_exporter_fuzz::parameters`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| losant_exporter_fuzz::parameters::check(data));
