//! The baseline's handler behind the layer of the crate `idempotent`, with the settings it comes
//! with: on its memory store, or on the Redis server whose address is the first argument.

use std::error::Error;

use idempotent::IdempotencyStore;
use idempotent::memory::MemoryStore;
use idempotent::middleware::IdempotencyLayer;
use idempotent::valkey::ValkeyStore;
use seiriken_bench_baseline as baseline;

/// All sides are measured with the order service's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match std::env::args().nth(1) {
            None => serve(MemoryStore::builder().try_build()?).await,
            Some(address) => serve(ValkeyStore::with_url(address).try_build().await?).await,
        }
    })
}

async fn serve<S>(store: S) -> Result<(), Box<dyn Error>>
where
    S: IdempotencyStore + Clone + Send + Sync + 'static,
{
    Ok(baseline::serve(baseline::app().layer(IdempotencyLayer::new(store))).await?)
}
