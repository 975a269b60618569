//! The configuration file: the options by their names, and rules for some of the routes.
//!
//! ```toml
//! upstream = "http://localhost:3000"
//! store = "postgres://db/keys"
//! total-timeout = "30s"
//!
//! [[route]]
//! paths = ["/payments", "/payments/{id}/capture"]
//! required = true
//! preset = "stripe"
//! ```

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use axum::http::Method;
use serde::Deserialize;
use toml::{Table, Value};

use super::options::ProxyOptions;
use super::paths::Pattern;
use super::preset::Preset;
use super::route::{PAGE, RecordRule, Route};
use crate::serving;

/// A file that was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// What stands before the first route, as it would stand on a command line.
    pub(crate) arguments: Vec<OsString>,
    routes: Vec<RouteTable>,
}

/// `[[route]]`. What is not said is as the options say.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RouteTable {
    paths: Vec<String>,
    methods: Option<Vec<String>>,
    #[serde(default)]
    required: bool,
    retention: Option<String>,
    on_concurrent: Option<String>,
    record: Option<String>,
    identity: Option<String>,
    canonical_json: Option<bool>,
    #[serde(default)]
    ignore: Vec<String>,
    preset: Option<String>,
    reconcile: Option<String>,
}

impl Config {
    /// Reads a file.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
        let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
        Self::of(&text).map_err(|why| wrong(&why))
    }

    fn of(text: &str) -> Result<Self, String> {
        let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map(|at| text[..at.start].matches('\n').count() + 1);
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{place}{}", error.message())
        })?;
        let routes = match table.remove("route") {
            None => Vec::new(),
            Some(routes) => routes
                .try_into()
                .map_err(|error: toml::de::Error| format!("route: {}", error.message()))?,
        };
        let mut arguments = Vec::new();
        for (name, value) in table {
            if name == "config" || name == "check-config" {
                return Err(format!("{name} is for the command line alone"));
            }
            option(&mut arguments, &name, value)?;
        }
        Ok(Self { arguments, routes })
    }

    /// The routes of the file, in its order.
    pub(crate) fn routes(&self, options: &ProxyOptions) -> Result<Vec<Route>, String> {
        let routes = self.routes.iter().enumerate();
        let routes = routes.map(|(at, table)| {
            let number = at + 1;
            table.route(number, options).map_err(|why| format!("route {number}: {why}"))
        });
        routes.collect()
    }
}

/// One option as it would stand on the command line, which reads it and says what is wrong with it.
fn option(arguments: &mut Vec<OsString>, name: &str, value: Value) -> Result<(), String> {
    match value {
        Value::String(text) => arguments.push(format!("--{name}={text}").into()),
        Value::Integer(number) => arguments.push(format!("--{name}={number}").into()),
        Value::Boolean(true) => arguments.push(format!("--{name}").into()),
        Value::Boolean(false) => {}
        Value::Array(values) => {
            for value in values {
                option(arguments, name, value)?;
            }
        }
        _ => return Err(format!("{name}: no option has such a value")),
    }
    Ok(())
}

impl RouteTable {
    fn route(&self, number: usize, options: &ProxyOptions) -> Result<Route, String> {
        let usual = Route::usual(options);
        if self.paths.is_empty() {
            return Err("paths: at least one is needed".into());
        }
        let paths = self.paths.iter().map(|path| path.parse());
        Ok(Route {
            paths: paths.collect::<Result<Vec<Pattern>, _>>()?,
            methods: match &self.methods {
                None => usual.methods,
                Some(names) => methods(names)?,
            },
            required: self.required,
            retention: self
                .retention
                .as_deref()
                .map(serving::retention)
                .transpose()?
                .unwrap_or(usual.retention),
            on_concurrent: self
                .on_concurrent
                .as_deref()
                .map(serving::on_concurrent)
                .transpose()?
                .unwrap_or(usual.on_concurrent),
            record: self.record.as_deref().map(record).transpose()?.unwrap_or_default(),
            identity: match &self.identity {
                None => usual.identity,
                Some(identity) => identity.parse()?,
            },
            canonical_json: self.canonical_json.unwrap_or(usual.canonical_json),
            ignored_members: self.ignore.clone(),
            preset: match &self.preset {
                None => Preset::default(),
                Some(preset) => preset.parse()?,
            },
            reconcile: match &self.reconcile {
                None => usual.reconcile,
                Some(address) => Some(address.parse()?),
            },
            page: format!("{PAGE}/{number}"),
        })
    }
}

fn methods(names: &[String]) -> Result<Vec<Method>, String> {
    let method = |name: &String| match name.as_str() {
        "POST" => Ok(Method::POST),
        "PATCH" => Ok(Method::PATCH),
        "PUT" => Ok(Method::PUT),
        "DELETE" => Ok(Method::DELETE),
        _ => Err(format!("methods: '{name}' is none of POST, PATCH, PUT, DELETE")),
    };
    match names {
        [] => Err("methods: at least one is needed".into()),
        names => names.iter().map(method).collect(),
    }
}

fn record(text: &str) -> Result<RecordRule, String> {
    match text {
        "usual" => Ok(RecordRule::Usual),
        "all" => Ok(RecordRule::All),
        "definite" => Ok(RecordRule::Definite),
        _ => Err(format!("record: '{text}' is none of usual, all, definite")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_arguments_in_the_words_of_the_command_line() {
        let config = Config::of(
            "upstream = \"http://a\"\nmax-connections = 7\ncanonical-json = true\n\
             upstream-http2 = false\nrequire = [\"/a\", \"/b\"]\n",
        );
        let mut arguments = config.expect("a configuration").arguments;
        arguments.sort_unstable();
        assert_eq!(
            arguments,
            [
                "--canonical-json",
                "--max-connections=7",
                "--require=/a",
                "--require=/b",
                "--upstream=http://a",
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            ("a = 1\nb =", "line 2"),
            ("[[route]]\npath = [\"/a\"]", "unknown field `path`"),
            ("[[route]]\nrequired = true", "missing field `paths`"),
            ("config = \"x\"", "command line alone"),
            ("listen = 1.5", "listen: no option has such a value"),
        ] {
            let wrong = Config::of(text).expect_err(text);
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }
}
