#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seiriken_proof::fuzz::key_field::check(data);
});
