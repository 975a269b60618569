//! Opening the port, and serving until asked to stop.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The open port.
#[derive(Debug)]
pub(crate) struct Listening {
    listeners: Vec<TcpListener>,
    address: String,
}

/// Opens the port. `localhost` is both loopback addresses, since clients try either first; one of
/// them is enough where the machine has only one.
pub(crate) async fn listen(address: &str) -> io::Result<Listening> {
    let Some(port) = address.strip_prefix("localhost:") else {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?.to_string();
        return Ok(Listening { listeners: vec![listener], address });
    };
    let port = port.parse().map_err(|_| io::Error::other("the port is no number up to 65535"))?;
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    match TcpListener::bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)).await {
        Ok(second) => listeners.push(second),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        Err(error) => tracing::debug!(%error, "this machine has no [::1]"),
    }
    Ok(Listening { listeners, address: format!("localhost:{port}") })
}

impl Listening {
    /// Where, as a client writes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where, without a scheme.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The ports themselves, for whoever serves them otherwise.
    pub(crate) fn into_listeners(self) -> Vec<TcpListener> {
        self.listeners
    }

    /// Serves until `stop` turns true, then finishes what has begun.
    pub(crate) async fn serve(self, app: Router, stop: watch::Receiver<bool>) {
        let mut serving = JoinSet::new();
        for listener in self.listeners {
            // Answers are small and waited for: never held back to fill a packet.
            let listener = listener.tap_io(|stream| {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its packets back");
                }
            });
            let (app, mut stop) = (app.clone(), stop.clone());
            serving.spawn(async move {
                let stopped = async move {
                    // An error means that nobody is left to say stop: so stop.
                    let _ = stop.wait_for(|stop| *stop).await;
                };
                axum::serve(listener, app).with_graceful_shutdown(stopped).await
            });
        }
        while let Some(ended) = serving.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::error!(%error, "serving ended");
            }
        }
    }
}
