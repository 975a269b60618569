//! TLS on both sides.

use std::sync::Arc;

use private_servers::redis::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::process::Proxy;
use crate::upstream::Upstream;

fn connector(tls: &Tls, protocol: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(tls.certificate()).expect("a certificate");
    roots.add(certificate).expect("a certificate to trust");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn clients_are_served_over_tls_in_either_protocol() {
    let (tls, upstream) = (Tls::new().expect("a certificate"), Upstream::node().await);
    let (certificate, key) = (tls.certificate(), tls.key());
    let options = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let proxy = Proxy::before(&upstream.url, &options).await;
    assert!(proxy.url.starts_with("https://"), "{}", proxy.url);
    for protocol in ["h2", "http/1.1"] {
        let stream = TcpStream::connect(proxy.authority()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector(&tls, protocol).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        if protocol == "http/1.1" {
            let request = "POST /orders HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\n\
                           Connection: close\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut told = String::new();
            stream.read_to_string(&mut told).await.unwrap();
            assert!(told.starts_with("HTTP/1.1 201 "), "{told}");
        }
    }
    assert_eq!(upstream.seen().await[0].field("x-forwarded-proto"), ["https"]);
}

#[tokio::test]
async fn an_upstream_is_asked_over_tls_if_it_is_the_one_that_it_says() {
    let (tls, other) = (Tls::new().expect("one"), Tls::new().expect("another"));
    let upstream = Upstream::over_tls(&tls).await;
    let trusting = |tls: &Tls| {
        let file = tls.certificate().to_str().expect("text").to_owned();
        ["--upstream-ca".to_owned(), file]
    };
    let options = trusting(&tls);
    let proxy = Proxy::before(&upstream.url, &options.each_ref().map(String::as_str)).await;
    let first = proxy.client().post("/orders", "k", "body").await;
    first.assert_executed(201);
    assert_eq!(first.json()["body"], "body");
    proxy.client().post("/orders", "k", "body").await.assert_replays(&first);

    // Whoever has another certificate is sent nothing: the key stays free.
    let options = trusting(&other);
    let proxy = Proxy::before(&upstream.url, &options.each_ref().map(String::as_str)).await;
    for _ in 0..2 {
        proxy.client().post("/orders", "k", "body").await.assert_executed(502);
    }
}
