//! Free ports of the loopback.

use std::net::{Ipv4Addr, TcpListener};

use crate::ServerError;

/// A port that nobody listens on at this moment. Somebody else may take it before the server does:
/// a server that cannot listen is started again on another one.
pub(crate) fn free() -> Result<u16, ServerError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServerError::system("a free port"))
}
