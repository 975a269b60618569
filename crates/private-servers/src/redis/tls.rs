//! Certificates for a server of a test, made by OpenSSL's program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::ServerError;
use crate::program::find;

/// A certificate for `localhost` that stands for itself.
#[derive(Debug, Clone)]
pub struct Tls {
    folder: Arc<TempDir>,
}

impl Tls {
    /// A new one.
    pub fn new() -> Result<Self, ServerError> {
        let folder = TempDir::new().map_err(ServerError::system("a temporary folder"))?;
        let tls = Self { folder: Arc::new(folder) };
        let output = Command::new(find("openssl", "openssl")?)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(tls.key())
            .arg("-out")
            .arg(tls.certificate())
            .output()
            .map_err(ServerError::system("openssl"))?;
        if output.status.success() {
            return Ok(tls);
        }
        let answer = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ServerError::Command { command: "openssl req".to_owned(), answer })
    }

    /// The certificate, PEM: who trusts it trusts the server.
    pub fn certificate(&self) -> PathBuf {
        self.file("certificate.pem")
    }

    pub(super) fn set(&self, port: u16, set: &mut impl FnMut(&str, &str)) {
        let path = |path: &Path| path.display().to_string();
        set("tls-port", &port.to_string());
        set("tls-cert-file", &path(&self.certificate()));
        set("tls-key-file", &path(&self.key()));
        set("tls-auth-clients", "no");
    }

    /// Its private key, PEM.
    pub fn key(&self) -> PathBuf {
        self.file("key.pem")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
