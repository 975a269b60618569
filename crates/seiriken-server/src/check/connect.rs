//! A connection to the endpoint: TCP, and TLS where the address says so.
//!
//! HTTP/1.1 alone: over HTTP/2 several requests share a connection, and one cannot leave it
//! without the others.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::Uri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange::NoAnswer;

/// Opens connections; `https:` trusts whom the operating system trusts.
#[derive(Clone)]
pub(super) struct Connector {
    /// Reading the system's certificates takes a moment, and `http:` needs none.
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("tls", &self.tls.is_some()).finish()
    }
}

impl Connector {
    /// For these addresses.
    pub(super) fn new<'a>(addresses: impl IntoIterator<Item = &'a Uri>) -> Result<Self, NoAnswer> {
        let mut schemes = addresses.into_iter().map(Uri::scheme_str);
        let tls = if schemes.any(|scheme| scheme == Some("https")) { Some(tls()?) } else { None };
        Ok(Self { tls })
    }

    /// Connects to the host of this address.
    pub(super) async fn connect(&self, to: &Uri) -> Result<Stream, NoAnswer> {
        let host = to.host().ok_or_else(|| NoAnswer(format!("{to} names no host")))?;
        let https = to.scheme_str() == Some("https");
        let port = to.port_u16().unwrap_or(if https { 443 } else { 80 });
        // An address of IPv6 stands in brackets in an URL, and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.map_err(|error| NoAnswer(format!("{host} port {port}: {error}")))?;
        // A small request is not held back to be sent together with the next one.
        stream.set_nodelay(true).map_err(|error| NoAnswer::because(&error))?;
        if !https {
            return Ok(Stream::Plain(stream));
        }
        let tls = self.tls.as_ref().ok_or_else(|| NoAnswer("TLS was not set up".into()))?;
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| NoAnswer::because(&error))?;
        let stream = tls.connect(name, stream).await;
        let stream = stream.map_err(|error| NoAnswer(format!("no TLS with {host}: {error}")))?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

fn tls() -> Result<TlsConnector, NoAnswer> {
    // Named, since more than one provider may be compiled in, and then there is no default.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| NoAnswer::because(&error))?
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// An open connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
