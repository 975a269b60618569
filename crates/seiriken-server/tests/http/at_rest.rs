//! What lies on the disk, and what happens to it when nobody asks.

use std::path::Path;
use std::time::Duration;

use seiriken::store::sqlite::rusqlite::{Connection, OpenFlags};

use crate::service::Service;
use crate::shop::{CAKE, answer};

fn holds(folder: &Path, secret: &str) -> bool {
    let files = std::fs::read_dir(folder).expect("the folder of the service");
    files.filter_map(Result::ok).any(|file| {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    })
}

/// As much of a secret as would be recognised.
const PART: usize = 8;

/// The file and its log hold hashes of both.
#[tokio::test]
async fn neither_a_key_nor_a_credential_is_stored_in_clear() {
    let service = Service::start(&[]).await;
    let shop = service.shop();
    let (key, credential) = ("a-key-that-nobody-else-has", "Bearer a-secret-of-the-caller");
    let ordering = shop.ordering(CAKE).header("Idempotency-Key", key);
    let first = answer(ordering.header("Authorization", credential)).await;
    first.assert_ordered();
    let order = first.json()["orderId"].as_str().expect("an id").to_owned();
    assert!(holds(service.folder(), &order), "the search finds what is there");
    for secret in [key, "a-secret-of-the-caller"] {
        // No part of it either: a short digest has room for one.
        for at in 0..=secret.len() - PART {
            let part = &secret[at..at + PART];
            assert!(!holds(service.folder(), part), "{part} of {secret}");
        }
    }
}

#[tokio::test]
async fn an_answer_whose_time_is_up_is_swept_without_being_asked_for() {
    let options = ["--retention", "1ms", "--skew", "0s", "--lease", "100ms"];
    let service = Service::start(&options).await;
    service.shop().order("k", CAKE).await.assert_ordered();
    let file = service.folder().join("orders.db");
    let open = || Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let rows = || {
        let count = "SELECT count(*) FROM idempotency_records";
        open()?.query_row(count, [], |row| row.get::<_, i64>(0))
    };
    // Nothing tells that it was swept but that it is gone.
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1_000 {
        looks.tick().await;
        if rows().expect("the file is there") == 0 {
            return;
        }
    }
    panic!("it is still there");
}
