//! TLS: the server is known by its certificate.

use private_servers::redis::{RedisServer, RedisSettings, Tls};
use seiriken::store::redis::RedisOptions;

use crate::asking::{ask, assert_replayed, completed};

#[tokio::test]
async fn a_server_is_spoken_to_over_tls_if_its_certificate_is_trusted() {
    let tls = Tls::new().expect("a certificate");
    let certificate = std::fs::read(tls.certificate()).expect("it was written");
    let server = RedisServer::start(RedisSettings::new().tls(tls)).expect("a server");
    let url = server.tls_url().expect("it speaks TLS");
    let store = RedisOptions::new().trust(certificate).connect(&url).await.expect("it is trusted");
    completed(&store, 1, ask(&store)).await;
    assert_replayed(&store, 1, ask(&store)).await;

    let other = std::fs::read(Tls::new().expect("another one").certificate()).expect("written");
    RedisOptions::new().trust(other).connect(&url).await.expect_err("nobody we know");
    RedisOptions::new().connect(&url).await.expect_err("no authority has signed it");
}
