//! What a server and its tables must be like for a store to be opened.

use private_servers::PrivatePostgres;
use seiriken::store::Store;
use seiriken::store::postgres::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use seiriken::store::postgres::{OpenError, PostgresOptions, PostgresStore};

use crate::shelf::{Shelf, server};

fn options(shelf: &Shelf) -> PostgresOptions {
    PostgresOptions::new().schema(shelf.schema())
}

#[tokio::test]
async fn a_server_that_may_forget_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let forgetful = PrivatePostgres::start(&[&format!("{setting} = off")]).expect("it starts");
        let refused = PostgresStore::connect(&forgetful.url()).await.expect_err("refused");
        let expected =
            matches!(&refused, OpenError::Forgetful { setting: found, .. } if *found == setting);
        assert!(expected, "{refused}");
    }
}

#[tokio::test]
async fn a_standby_is_refused() {
    let primary = PrivatePostgres::start(&[]).expect("it starts");
    // With the tables there: it is not for their lack that the standby is refused.
    PostgresStore::connect(&primary.url()).await.expect("it is opened");
    let standby = primary.standby().expect("it follows");
    let refused = PostgresStore::connect(&standby.url()).await.expect_err("refused");
    assert!(matches!(refused, OpenError::Standby), "{refused}");
}

/// Old servers are hard to come by: this one says that it is one, where a session looks for what it
/// is before it looks at the catalogue.
#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    for (number, version, good) in [("120022", "12.22", false), ("130000", "13.0", true)] {
        let shelf = Shelf::new().await;
        let says = format!(
            "CREATE FUNCTION things.current_setting(name text) RETURNS text LANGUAGE sql AS $$
                SELECT CASE name WHEN 'server_version_num' THEN '{number}'
                    WHEN 'server_version' THEN '{version}'
                    ELSE pg_catalog.current_setting(name) END $$"
        );
        shelf.run(&says).await;
        let looks = format!("{},pg_catalog", shelf.things_schema());
        let old: PgConnectOptions = server().url().parse().expect("an address");
        let pool = PgPoolOptions::new().connect_lazy_with(old.options([("search_path", looks)]));
        match options(&shelf).with_pool(pool).await {
            Ok(_) => assert!(good, "{version} is taken"),
            Err(OpenError::ServerTooOld { found }) => {
                assert_eq!((found.as_str(), good), (version, false));
            }
            Err(other) => panic!("{version}: {other}"),
        }
    }
}

#[tokio::test]
async fn nodes_that_start_at_once_make_the_tables_once_and_share_a_secret() {
    let shelf = Shelf::new().await;
    let url = server().url();
    let opening = (0..8).map(|_| options(&shelf).connect(&url));
    let opened = futures_util::future::join_all(opening).await;
    let stores: Vec<_> = opened.into_iter().map(|store| store.expect("it is opened")).collect();
    let made = "SELECT count(*) - max(version) FROM keys.migrations";
    assert_eq!(shelf.number(made).await, 0, "each once");
    assert!(shelf.number("SELECT count(*) FROM keys.migrations").await > 0);
    for store in &stores {
        assert_eq!(store.secret().as_bytes(), stores[0].secret().as_bytes());
    }
}

#[tokio::test]
async fn tables_that_are_missing_are_not_made_where_that_is_not_wanted() {
    let shelf = Shelf::new().await;
    let refused = options(&shelf).migrate(false).connect(&server().url()).await;
    let refused = refused.expect_err("refused");
    assert!(matches!(refused, OpenError::NotMigrated { found: 0, .. }), "{refused}");
    options(&shelf).connect(&server().url()).await.expect("it makes them");
    let again = options(&shelf).migrate(false).connect(&server().url()).await;
    again.expect("they are there");
}

#[tokio::test]
async fn tables_of_a_later_version_are_refused() {
    let shelf = Shelf::new().await;
    options(&shelf).connect(&server().url()).await.expect("it makes them");
    shelf.run("INSERT INTO keys.migrations (version) VALUES (1000)").await;
    let refused = options(&shelf).connect(&server().url()).await.expect_err("refused");
    assert!(matches!(refused, OpenError::NewerThanThis { found: 1000, .. }), "{refused}");
}

#[tokio::test]
async fn a_schema_is_named_plainly_and_a_database_must_be_there() {
    let named = PostgresOptions::new().schema("Robert'); --").connect(&server().url()).await;
    assert!(matches!(named, Err(OpenError::SchemaName(_))));
    let away = PostgresStore::connect("postgres://postgres@127.0.0.1:1/postgres").await;
    let away = away.expect_err("nobody is there");
    assert!(matches!(away, OpenError::Unreachable(_)), "{away:?}");
    assert!(away.to_string().contains("refused"), "it says why: {away}");
    let nonsense = PostgresStore::connect("sqlite:orders.db").await;
    assert!(matches!(nonsense, Err(OpenError::Unreachable(_))), "{nonsense:?}");
}

#[tokio::test]
async fn a_rotated_issuing_secret_reaches_the_other_node() {
    let shelf = Shelf::new().await;
    let (one, other) = (shelf.node(1).await.store, shelf.node(1).await.store);
    one.rotate_issuing_secret().await.expect("it is rotated");
    one.rotate_issuing_secret().await.expect("it is rotated");
    other.reload_issuing_secrets().await.expect("it is read");
    let (one, other) = (one.issuing_secrets(), other.issuing_secrets());
    assert_eq!(one.current().number, 3);
    for (one, other) in
        [(one.current(), other.current()), (one.previous().unwrap(), other.previous().unwrap())]
    {
        assert_eq!(one.number, other.number);
        assert_eq!(one.secret.as_bytes(), other.secret.as_bytes());
    }
}
