//! Orders in the memory of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use seiriken::store::StoreError;
use uuid::Uuid;

use super::{Book, OrderJson, Page};

/// Orders in the memory of this process.
#[derive(Debug, Clone, Default)]
pub(in crate::orders) struct MemoryBook {
    orders: Arc<Mutex<Orders>>,
}

#[derive(Debug, Default)]
struct Orders {
    /// Oldest first.
    all: Vec<(Uuid, OrderJson)>,
    places: HashMap<Uuid, usize>,
}

impl MemoryBook {
    pub(in crate::orders) fn insert(&self, id: Uuid, order: OrderJson) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let place = orders.all.len();
        orders.places.insert(id, place);
        orders.all.push((id, order));
    }
}

impl Book for MemoryBook {
    async fn page(&self, limit: usize, after: Option<Uuid>) -> Result<Option<Page>, StoreError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let end = match after {
            None => orders.all.len(),
            Some(id) => match orders.places.get(&id) {
                Some(place) => *place,
                None => return Ok(None),
            },
        };
        let start = end.saturating_sub(limit);
        let page = orders.all[start..end].iter().rev().cloned().collect();
        Ok(Some(Page { orders: page, total: orders.all.len() as u64, more: start > 0 }))
    }

    async fn order(&self, id: Uuid) -> Result<Option<OrderJson>, StoreError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(orders.places.get(&id).map(|place| orders.all[*place].1.clone()))
    }
}
