//! Where a store is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// `memory:`
    Memory,
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`
    Postgres(DatabaseUrl),
    /// `redis://…`, or `rediss://…` over TLS
    Redis(DatabaseUrl),
}

/// The address of a database, which may hold a password: it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// For whoever connects.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let database = || DatabaseUrl(url.to_owned());
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", "")) => Err("sqlite: needs a path, as in sqlite:seiriken.db".into()),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(database()))
            }
            Some((scheme, rest)) if scheme.starts_with("redis") && rest.starts_with("//") => {
                Ok(Self::Redis(database()))
            }
            Some((scheme, _)) => Err(format!("'{scheme}:' is no store; {STORES}")),
            None => Err(format!("'{url}' is not a store; {STORES}")),
        }
    }
}

/// What comes after the scheme may be a password: it is not repeated.
const STORES: &str = "there are sqlite:PATH, postgres://HOST/DATABASE, redis://HOST and memory:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        assert_eq!("memory:".parse(), Ok(StoreUrl::Memory));
        assert_eq!("sqlite:a/b.db".parse(), Ok(StoreUrl::Sqlite("a/b.db".into())));
        let postgres: StoreUrl = "postgres://u:p@db/shop".parse().expect("an address");
        assert!(
            matches!(&postgres, StoreUrl::Postgres(url) if url.as_str() == "postgres://u:p@db/shop")
        );
        assert!(matches!("rediss://cache".parse(), Ok(StoreUrl::Redis(_))));
        for url in
            ["", "memory", "memory:x", "sqlite:", "sqlite", "mysql:x", "postgres:x", "redis:"]
        {
            assert!(url.parse::<StoreUrl>().is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url: StoreUrl = "postgres://u:secret@db/shop".parse().expect("an address");
        assert!(!format!("{url:?}").contains("secret"));
        let refused = "mysql://u:secret@db".parse::<StoreUrl>().expect_err("no store");
        assert!(!refused.contains("secret"), "{refused}");
    }
}
