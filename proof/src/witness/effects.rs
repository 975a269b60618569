//! What was done, read from outside: the orders that the service lists.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::exchange::exchange;
use super::history::Course;
use super::operation;
use super::told::Told;

/// The effects of each operation, in the order in which they happened.
pub(crate) type Effects = BTreeMap<usize, Vec<String>>;

/// The orders that a service has, oldest first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Orders(Vec<Order>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    operation: usize,
    id: String,
    json: String,
}

#[derive(Deserialize)]
struct Page<'p> {
    #[serde(borrow)]
    orders: Vec<&'p RawValue>,
    total: usize,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    order_id: String,
    item_id: String,
}

impl Orders {
    /// Reads them all. `None` when the service goes away meanwhile.
    pub(crate) async fn read(address: SocketAddr) -> Option<Result<Self, String>> {
        let mut orders = Vec::new();
        let mut after = String::new();
        loop {
            let request = format!(
                "GET /orders?limit=1000{after} HTTP/1.1\r\nHost: kills\r\nConnection: close\r\n\r\n"
            );
            let answer = exchange(address, request.as_bytes()).await?;
            let page: Page<'_> = match serde_json::from_str(&answer.body) {
                Ok(page) => page,
                Err(error) => return Some(Err(format!("orders cannot be listed: {error}"))),
            };
            let read: Option<Vec<Order>> = page.orders.iter().map(|json| order(json)).collect();
            let Some(read) = read else {
                return Some(Err(format!("an order nobody asked for: {}", answer.body)));
            };
            orders.extend(read);
            match page.next {
                Some(next) => after = format!("&after={next}"),
                None if page.total < orders.len() => {
                    return Some(Err(format!("{} orders, and {}", page.total, orders.len())));
                }
                None => break,
            }
        }
        orders.reverse();
        Some(Ok(Self(orders)))
    }

    pub(crate) fn effects(&self) -> Effects {
        collect(self.0.iter().map(|order| (order.operation, order.id.clone())))
    }

    /// What is wrong with a list: an order that was there and is not, one that was answered before
    /// `at` and is not there as it was answered.
    pub(crate) fn check(&self, earlier: &Self, courses: &[Course], at: u64) -> Vec<String> {
        let mut findings = Vec::new();
        if !self.0.starts_with(&earlier.0) {
            findings.push("I3: an order was there, and is not there or not the same".to_owned());
        }
        let listed: BTreeMap<usize, &Order> =
            self.0.iter().map(|order| (order.operation, order)).collect();
        let answered = courses.iter().filter_map(|course| Some((course, answer(course, at)?)));
        for (course, stored) in answered {
            let number = course.operation.number;
            if !listed.get(&number).is_some_and(|order| stored.ends_with(&order.json)) {
                findings.push(format!("I3: order {number} was answered, and is not in the list"));
            }
        }
        findings
    }
}

/// The answer that was heard before `at`, if there was one.
fn answer(course: &Course, at: u64) -> Option<&str> {
    course.tries.iter().find_map(|one| match &one.ended {
        Some((ended, Told::Success { stored, .. })) if *ended < at => Some(stored.as_str()),
        _ => None,
    })
}

fn order(json: &RawValue) -> Option<Order> {
    let content: Content = serde_json::from_str(json.get()).ok()?;
    let operation = operation::number(&content.item_id)?;
    Some(Order { operation, id: content.order_id, json: json.get().to_owned() })
}

/// Put together by operation.
pub(crate) fn collect(effects: impl Iterator<Item = (usize, String)>) -> Effects {
    let mut collected = Effects::new();
    for (operation, effect) in effects {
        collected.entry(operation).or_default().push(effect);
    }
    collected
}
