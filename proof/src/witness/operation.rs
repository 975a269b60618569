//! What is asked for: one operation, one key, the same bytes at every try.

/// What an operation is to do, and so which answers it may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An order, committed with its key: exactly once.
    Order,
    /// The same on a store that others share, and that may be away for a while.
    SharedOrder,
    /// An order that is refused; its key is free again.
    BadOrder,
    /// A line in the ledger, written by a handler that nobody runs again.
    Opaque,
    /// A request to that handler which it refuses before it has done anything.
    OpaqueRefused,
    /// A line in the ledger, whose readers take the first of each key.
    Keyed,
}

impl Kind {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Order | Self::SharedOrder | Self::BadOrder => "/orders",
            Self::Opaque | Self::OpaqueRefused => "/opaque",
            Self::Keyed => "/keyed",
        }
    }

    /// Whether it is to have an effect.
    pub(crate) fn has_effect(self) -> bool {
        matches!(self, Self::Order | Self::SharedOrder | Self::Opaque | Self::Keyed)
    }
}

/// An operation and its key.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) number: usize,
    pub(crate) kind: Kind,
    pub(crate) key: String,
}

/// What an effect says of the operation that it belongs to.
pub(crate) fn name(number: usize) -> String {
    format!("op-{number}")
}

/// The operation that an effect belongs to.
pub(crate) fn number(name: &str) -> Option<usize> {
    name.strip_prefix("op-")?.parse().ok()
}

/// The body of a request for it.
pub(crate) fn body(kind: Kind, number: usize) -> String {
    let name = name(number);
    match kind {
        Kind::Order | Kind::SharedOrder => format!(r#"{{"itemId":"{name}","qty":1}}"#),
        Kind::BadOrder => format!(r#"{{"itemId":"{name}","qty":0}}"#),
        Kind::Opaque | Kind::Keyed => format!(r#"{{"operation":"{name}","refuse":false}}"#),
        Kind::OpaqueRefused => format!(r#"{{"operation":"{name}","refuse":true}}"#),
    }
}

impl Operation {
    /// The bytes that are sent, on a connection of their own.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (path, body) = (self.kind.path(), body(self.kind, self.number));
        let (key, length) = (&self.key, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: kills\r\nConnection: close\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}
