//! An order: what a client may ask for, and what it gets.

use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a client asks for, in one of two shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NewOrder {
    /// `{"itemId":"cake-001","qty":1}`
    Single(Single),
    /// `{"userId":"u1","items":[{"sku":"cake-001","qty":2}]}`
    Cart(Cart),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Single {
    item_id: String,
    qty: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Cart {
    user_id: String,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    sku: String,
    qty: u64,
}

/// An order that exists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    #[serde(rename = "orderId")]
    pub(super) id: Uuid,
    #[serde(flatten)]
    content: Content,
    created_at: jiff::Timestamp,
}

/// The names of an object's members: they say which of the two shapes is meant.
struct Members(BTreeSet<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesOnly).map(Self)
    }
}

struct NamesOnly;

impl<'de> Visitor<'de> for NamesOnly {
    type Value = BTreeSet<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, IgnoredAny)) = map.next_entry()? {
            names.insert(name);
        }
        Ok(names)
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Single(Single),
    Cart(Cart),
}

/// Why something is no order: which member, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidOrder(pub(super) String);

pub(super) const QTY_MAX: u64 = 1000;
pub(super) const ID_CHARACTERS_MAX: usize = 64;
pub(super) const ITEMS_MAX: usize = 100;

impl NewOrder {
    /// Reads an order; unknown members are refused, since a misspelt one would be ignored.
    pub(super) fn read(body: &[u8]) -> Result<Self, InvalidOrder> {
        let Members(members) = serde_json::from_slice(body)
            .map_err(|error| InvalidOrder(format!("the body is not a JSON object: {error}")))?;
        if members.contains("userId") || members.contains("items") {
            let cart: Cart = read(body)?;
            cart.check()?;
            Ok(Self::Cart(cart))
        } else {
            let single: Single = read(body)?;
            check_id("itemId", &single.item_id)?;
            check_qty("qty", single.qty)?;
            Ok(Self::Single(single))
        }
    }

    /// Makes it an order.
    pub(super) fn place(self, id: Uuid, created_at: jiff::Timestamp) -> Order {
        let content = match self {
            Self::Single(single) => Content::Single(single),
            Self::Cart(cart) => Content::Cart(cart),
        };
        Order { id, content, created_at }
    }
}

impl Cart {
    fn check(&self) -> Result<(), InvalidOrder> {
        check_id("userId", &self.user_id)?;
        if self.items.is_empty() || self.items.len() > ITEMS_MAX {
            let message = format!("items: there must be 1 to {ITEMS_MAX} of them");
            return Err(InvalidOrder(message));
        }
        self.items.iter().enumerate().try_for_each(|(at, item)| {
            check_id(&format!("items[{at}].sku"), &item.sku)?;
            check_qty(&format!("items[{at}].qty"), item.qty)
        })
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidOrder> {
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let member = error.path().to_string();
        let what = error.inner().to_string();
        // At the top there is no member to name; the message names the one that is missing.
        InvalidOrder(if member == "." { what } else { format!("{member}: {what}") })
    })
}

fn check_id(member: &str, id: &str) -> Result<(), InvalidOrder> {
    match id.chars().count() {
        1..=ID_CHARACTERS_MAX => Ok(()),
        _ => Err(InvalidOrder(format!("{member}: must have 1 to {ID_CHARACTERS_MAX} characters"))),
    }
}

fn check_qty(member: &str, qty: u64) -> Result<(), InvalidOrder> {
    match qty {
        1..=QTY_MAX => Ok(()),
        _ => Err(InvalidOrder(format!("{member}: must be an integer from 1 to {QTY_MAX}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read() {
        assert!(NewOrder::read(br#"{"itemId":"cake-001","qty":1}"#).is_ok());
        assert!(NewOrder::read(br#"{"qty":1000,"itemId":"c"}"#).is_ok());
        let cart = br#"{"userId":"u1","items":[{"sku":"cake-001","qty":2}]}"#;
        assert!(NewOrder::read(cart).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = format!(r#"{{"itemId":"{}","qty":1}}"#, "c".repeat(65));
        let many =
            format!(r#"{{"userId":"u","items":[{}]}}"#, [r#"{"sku":"c","qty":1}"#; 101].join(","));
        for (body, names) in [
            ("", "JSON"),
            ("[]", "JSON object"),
            ("{", "JSON"),
            ("{}", "itemId"),
            (r#"{"itemId":"c"}"#, "qty"),
            (r#"{"itemId":"","qty":1}"#, "itemId"),
            (long.as_str(), "itemId"),
            (r#"{"itemId":"c","qty":0}"#, "qty"),
            (r#"{"itemId":"c","qty":1001}"#, "qty"),
            (r#"{"itemId":"c","qty":-1}"#, "qty"),
            (r#"{"itemId":"c","qty":1.5}"#, "qty"),
            (r#"{"itemId":"c","qty":"1"}"#, "qty"),
            (r#"{"itemId":"c","qty":1,"colour":"red"}"#, "colour"),
            (r#"{"itemId":"c","qty":1,"qty":2}"#, "qty"),
            (r#"{"itemId":7,"qty":1}"#, "itemId"),
            (r#"{"userId":"u","items":[]}"#, "items"),
            (many.as_str(), "items"),
            (r#"{"userId":"u","items":[{"sku":"c","qty":1},{"sku":"c","qty":0}]}"#, "items[1].qty"),
            (r#"{"userId":"u","items":[{"sku":"c","qty":"x"}]}"#, "items[0].qty"),
            (r#"{"userId":"u","items":[{"sku":"c","qty":1}],"qty":1}"#, "qty"),
            (r#"{"items":[{"sku":"c","qty":1}]}"#, "userId"),
            (r#"{"userId":"u"}"#, "items"),
        ] {
            let InvalidOrder(detail) = NewOrder::read(body.as_bytes()).expect_err(body);
            assert!(detail.contains(names), "{body}: {detail}");
        }
    }
}
