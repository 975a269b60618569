//! Every cargo feature of the libraries builds alone, and so does none of them.
//!
//! With all features on, an import that belongs to one feature and is used by another goes
//! unnoticed. A user who turns one of them off is the first to see it.

use std::path::Path;

use serde_json::Value;

use crate::command::{Command, Failure};

const LIBRARIES: [&str; 2] = ["seiriken", "seiriken-client"];

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    checks(root)?.iter().try_for_each(|check| check.run(root))
}

/// Asks cargo for the features, so that a new one is checked from its first day.
fn checks(root: &Path) -> Result<Vec<Command>, Failure> {
    let metadata = Command::cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let text = metadata.read(root)?;
    let mut checks = Vec::new();
    for library in LIBRARIES {
        let unknown = || Failure::new(format!("cargo knows no {library}"), metadata.to_string());
        let features = features_of(library, &text).ok_or_else(unknown)?;
        checks.push(check(library, &[]));
        checks.extend(features.iter().map(|feature| check(library, &["--features", feature])));
    }
    Ok(checks)
}

fn features_of(package: &str, metadata: &str) -> Option<Vec<String>> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let packages = metadata.get("packages")?.as_array()?;
    let package = packages.iter().find(|candidate| candidate["name"] == package)?;
    Some(package.get("features")?.as_object()?.keys().cloned().collect())
}

fn check(library: &str, features: &[&str]) -> Command {
    let library = ["clippy", "--package", library, "--lib", "--no-default-features"];
    Command::cargo(&[&library, features, &["--", "-D", "warnings"]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_of_the_library_is_found_and_no_other() {
        let metadata = r#"{"packages": [
            {"name": "other", "features": {"tls": []}},
            {"name": "seiriken", "features": {"sqlite": ["dep:rusqlite"], "http": []}}
        ]}"#;
        let mut features = features_of("seiriken", metadata).unwrap();
        features.sort();
        assert_eq!(features, ["http", "sqlite"]);
        assert_eq!(features_of("absent", metadata), None);
    }

    #[test]
    fn a_feature_is_checked_without_the_default_ones() {
        assert_eq!(
            check("seiriken", &["--features", "http"]).to_string(),
            "cargo clippy --package seiriken --lib --no-default-features --features http \
             -- -D warnings"
        );
    }

    #[test]
    fn the_list_starts_with_no_feature_and_holds_the_real_ones() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let checks: Vec<String> = checks(root).unwrap().iter().map(ToString::to_string).collect();
        assert!(!checks[0].contains("--features"), "{}", checks[0]);
        for feature in
            ["seiriken --lib --no-default-features --features sqlite", "--features rustls"]
        {
            assert!(checks.iter().any(|check| check.contains(feature)), "{feature}: {checks:?}");
        }
    }
}
