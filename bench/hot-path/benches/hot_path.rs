//! `cargo bench --package seiriken-hot-path`: how long each operation of the hot path takes, and what
//! it allocates.

use divan::{AllocProfiler, Bencher};
use seiriken_hot_path::{ALL, HotPath};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(args = ALL)]
fn hot_path(bencher: Bencher<'_, '_>, path: HotPath) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime of one thread");
    let _inside = runtime.enter();
    let operation = path.prepared().expect("an operation that can be prepared");
    bencher.bench_local(operation);
}
