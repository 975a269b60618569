//! How a key may be spelled, and how not.

use crate::service::on_each_store;
use crate::shop::CAKE;
use crate::wire::{Wire, post_orders};

/// Field lines as raw bytes: most of these no client library would send.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let long = "k".repeat(256);
    vec![
        ("empty", b"Idempotency-Key:\r\n".to_vec()),
        ("blank", b"Idempotency-Key:  \t \r\n".to_vec()),
        ("an open quote", b"Idempotency-Key: \"\r\n".to_vec()),
        ("nothing in quotes", b"Idempotency-Key: \"\"\r\n".to_vec()),
        ("never closed", b"Idempotency-Key: \"abc\r\n".to_vec()),
        ("a quote within", b"Idempotency-Key: a\"b\r\n".to_vec()),
        ("a comma", b"Idempotency-Key: a,b\r\n".to_vec()),
        ("combined lines", b"Idempotency-Key: \"a\", \"b\"\r\n".to_vec()),
        ("combined bare lines", b"Idempotency-Key: a, a\r\n".to_vec()),
        ("a semicolon", b"Idempotency-Key: a;b\r\n".to_vec()),
        ("a space within", b"Idempotency-Key: a b\r\n".to_vec()),
        ("a backslash", b"Idempotency-Key: a\\b\r\n".to_vec()),
        ("repeated", b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n".to_vec()),
        ("repeated alike", b"Idempotency-Key: a\r\nidempotency-key: a\r\n".to_vec()),
        ("repeated, once empty", b"Idempotency-Key: a\r\nIdempotency-Key:\r\n".to_vec()),
        ("256 characters", format!("Idempotency-Key: {long}\r\n").into_bytes()),
        ("256 quoted characters", format!("Idempotency-Key: \"{long}\"\r\n").into_bytes()),
        ("non-ASCII", "Idempotency-Key: schlüssel\r\n".into()),
        ("non-ASCII in quotes", "Idempotency-Key: \"鍵\"\r\n".into()),
        ("no UTF-8", b"Idempotency-Key: a\xff\r\n".to_vec()),
        ("a tab within", b"Idempotency-Key: \"a\tb\"\r\n".to_vec()),
        ("a bad escape", br#"Idempotency-Key: "a\n""#.iter().chain(b"\r\n").copied().collect()),
        ("a space before the semicolon", b"Idempotency-Key: \"a\" ;v\r\n".to_vec()),
        ("something after", b"Idempotency-Key: \"a\" b\r\n".to_vec()),
    ]
}

#[tokio::test]
async fn a_malformed_key_is_refused_before_anything_runs() {
    on_each_store(&[], async |mut service| {
        let shop = service.shop();
        let mut wire = Wire::connect(shop.address()).await;
        for (what, field_lines) in malformed() {
            wire.send(post_orders(&field_lines, CAKE)).await;
            let refused = wire.answer().await;
            assert_eq!(refused.status, 400, "{what}: {refused:?}");
            assert_eq!(refused.problem_type(), "/.well-known/idempotency#key-invalid", "{what}");
            assert!(!refused.has_field("Idempotent-Replayed"), "{what}: {refused:?}");
        }
        assert_eq!(shop.total().await, 0);
        // The first execution of all is the one that is asked for now.
        shop.order("a", CAKE).await.assert_ordered();
        service.executions_begun(1).await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_key_is_not_shown_to_anybody() {
    on_each_store(&[], async |service| {
        let refused = service.shop().order("secret,secret", CAKE).await;
        let detail = refused.assert_refused(400, "key-invalid");
        assert!(!String::from_utf8_lossy(&refused.body).contains("secret"), "{detail}");
    })
    .await;
}

#[tokio::test]
async fn quoted_and_bare_spellings_are_the_same_key() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        for (number, (one, others)) in [
            (
                "8e03978e",
                vec!["\"8e03978e\"", "  8e03978e\t", "\"8e03978e\";v=1", "\"8e03978e\"; a"],
            ),
            (r#""a\"b\\c""#, vec![r#""a\"b\\c";x"#]),
            (r#""a, b; c""#, vec![r#"  "a, b; c""#]),
        ]
        .into_iter()
        .enumerate()
        {
            let first = shop.order(one, CAKE).await;
            first.assert_ordered();
            for other in others {
                shop.order(other, CAKE).await.assert_replays(&first);
            }
            assert_eq!(shop.total().await, number as u64 + 1);
        }
    })
    .await;
}

#[tokio::test]
async fn keys_differ_by_case_and_by_every_character() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        for key in ["k", "K", "kk", "\"k \"", "\" k\"", "k=", ":k:", "?1", "'k'", "*"] {
            shop.order(key, CAKE).await.assert_ordered();
        }
        assert_eq!(shop.total().await, 10);
    })
    .await;
}

#[tokio::test]
async fn a_key_of_255_characters_is_taken() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let key = "k".repeat(255);
        let first = shop.order(&key, CAKE).await;
        first.assert_ordered();
        shop.order(&format!("\"{key}\""), CAKE).await.assert_replays(&first);
        // Escapes count as what they stand for.
        let escaped = format!("\"{}\"", r"\\".repeat(255));
        shop.order(&escaped, CAKE).await.assert_ordered();
    })
    .await;
}
