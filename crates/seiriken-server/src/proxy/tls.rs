//! TLS towards the clients.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::options::TlsOptions;

/// What the options ask for: `None` without a certificate.
///
/// Early data is never taken: it can be replayed by anybody who has seen it (RFC 8470 section 3).
pub(super) fn acceptor(options: &TlsOptions) -> Result<Option<TlsAcceptor>, String> {
    let (Some(certificates), Some(key)) = (&options.tls_cert, &options.tls_key) else {
        return Ok(None);
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain(certificates)?, private_key(key)?)
        .map_err(|error| format!("{}: {error}", certificates.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error| format!("{}: {error}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(wrong)?;
    certificates.collect::<Result<_, _>>().map_err(wrong)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| format!("{}: {error}", file.display()))
}
