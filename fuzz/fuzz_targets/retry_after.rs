#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seiriken_proof::fuzz::retry_after::check(data);
});
