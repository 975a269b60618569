//! The baseline's handler behind the layer of the crate `idempotent` on its memory store, both with
//! the settings they come with.

use std::error::Error;

use idempotent::memory::MemoryStore;
use idempotent::middleware::IdempotencyLayer;
use seiriken_bench_baseline as baseline;

/// All sides are measured with the order service's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = MemoryStore::builder().try_build()?;
        Ok(baseline::serve(baseline::app().layer(IdempotencyLayer::new(store))).await?)
    })
}
