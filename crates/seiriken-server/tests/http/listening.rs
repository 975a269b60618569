//! Where the service can be reached.

use std::net::TcpListener;

use crate::service::Service;
use crate::shop::{CAKE, Shop};

#[tokio::test]
async fn localhost_is_both_loopback_addresses() {
    let service = Service::listening_on("localhost:0").await;
    let shop = service.shop();
    let port = shop.url().strip_prefix("http://localhost:").expect("as a client writes it");
    let first = shop.order("k", CAKE).await;
    first.assert_ordered();

    let mut addresses = vec!["127.0.0.1"];
    // A machine without IPv6 has the other one alone.
    if TcpListener::bind("[::1]:0").is_ok() {
        addresses.push("[::1]");
    }
    for address in addresses {
        let shop = Shop::new(&format!("http://{address}:{port}"));
        shop.order("k", CAKE).await.assert_replays(&first);
    }
}

#[tokio::test]
async fn an_ipv6_address_is_written_as_a_client_writes_it() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let service = Service::listening_on("[::1]:0").await;
    assert!(service.shop().url().starts_with("http://[::1]:"), "{}", service.shop().url());
    service.shop().order("k", CAKE).await.assert_ordered();
}
