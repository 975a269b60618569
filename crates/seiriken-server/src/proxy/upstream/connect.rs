//! New connections to the upstream. Until one is there, nothing of a request has been sent.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Address;
use crate::proxy::options::TlsOptions;

const H2: &[u8] = b"h2";
const HTTP_11: &[u8] = b"http/1.1";

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    address: Address,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    http2_unasked: bool,
}

/// A connection's bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and what is spoken on it.
pub(super) struct Connected {
    pub(super) stream: Box<dyn Stream>,
    pub(super) http2: bool,
}

impl Connector {
    /// Reads the certificates that it trusts.
    pub(super) fn new(address: Address, options: &TlsOptions) -> Result<Self, String> {
        let tls = if address.is_tls() {
            let name = ServerName::try_from(address.host().to_owned())
                .map_err(|_| format!("'{}' is no name that a certificate has", address.host()))?;
            let mut config = client_config(options.upstream_ca.as_deref())?;
            config.alpn_protocols = vec![H2.to_vec(), HTTP_11.to_vec()];
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        Ok(Self { address, tls, http2_unasked: options.upstream_http2 })
    }

    /// Whether HTTP/2 may come of a connection.
    pub(super) fn may_share(&self) -> bool {
        self.tls.is_some() || self.http2_unasked
    }

    /// Connects. An error means that no request was ever sent on the way.
    pub(super) async fn connect(&self) -> io::Result<Connected> {
        let stream = TcpStream::connect((self.address.host(), self.address.port())).await?;
        // Requests are waited for: never held back to fill a packet.
        stream.set_nodelay(true)?;
        let Some((tls, name)) = &self.tls else {
            return Ok(Connected { stream: Box::new(stream), http2: self.http2_unasked });
        };
        let stream = tls.connect(name.clone(), stream).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        Ok(Connected { stream: Box::new(stream), http2 })
    }
}

fn client_config(trusted: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?;
    let Some(file) = trusted else {
        let trusting = builder
            .with_platform_verifier()
            .map_err(|error| format!("the certificates that this system trusts: {error}"))?;
        return Ok(trusting.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    let read = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| read(&error))? {
        let certificate = certificate.map_err(|error| read(&error))?;
        roots.add(certificate).map_err(|error| read(&error))?;
    }
    if roots.is_empty() {
        return Err(format!("{}: there is no certificate in it", file.display()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
