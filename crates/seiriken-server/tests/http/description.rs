//! `GET /openapi.json` as a program reads it, and what it says of an answer.

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{Answer, Shop};

/// What a service says of itself.
pub(crate) struct Description {
    pub(crate) document: Value,
}

impl Description {
    pub(crate) async fn of(shop: &Shop) -> Self {
        let answer = shop.get("/openapi.json").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.field("content-type"), Some("application/json"));
        Self { document: answer.json() }
    }

    /// A part of it that is there, or that a part which is there refers to.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        let part = self.document.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"));
        self.referred(part)
    }

    /// What stands at the end of a `$ref`.
    pub(crate) fn referred<'d>(&'d self, part: &'d Value) -> &'d Value {
        match part["$ref"].as_str() {
            None => part,
            Some(reference) => self.at(reference.strip_prefix('#').expect("of this document")),
        }
    }

    /// All calls: method, path, and what is said of it.
    pub(crate) fn calls(&self) -> Vec<(Method, &str, &Value)> {
        let paths = self.document["paths"].as_object().expect("paths").iter();
        let calls = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").iter();
            methods.map(move |(method, call)| {
                let method = method.to_ascii_uppercase().parse().expect("a method");
                (method, path.as_str(), call)
            })
        });
        calls.collect()
    }

    pub(crate) fn call(&self, method: &Method, path: &str) -> &Value {
        let found = self.calls().into_iter().find(|(m, p, _)| m == method && *p == path);
        found.unwrap_or_else(|| panic!("{method} {path} is not described")).2
    }

    /// Whether values are as a schema of this document says.
    pub(crate) fn validator(&self, schema: &Value) -> Validator {
        let root = json!({ "components": self.document["components"], "allOf": [schema] });
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        options.build(&root).unwrap_or_else(|error| panic!("{error}: {schema}"))
    }

    pub(crate) fn assert_valid(&self, schema: &Value, value: &Value) {
        if let Err(error) = self.validator(schema).validate(value) {
            panic!("{error}: {value} against {schema}");
        }
    }

    /// That the answer to this call is one that it is said to have: status, fields and body.
    pub(crate) fn assert_tells(&self, method: &Method, path: &str, answer: &Answer) {
        let status = answer.status.as_str();
        let told = &self.call(method, path)["responses"][status];
        assert!(told.is_object(), "{method} {path} is not said to answer {answer:?}");
        self.assert_tells_fields(&told["headers"], answer);
        let content_type = answer.field("content-type").expect("a type of content");
        let essence = content_type.split(';').next().expect("a first part").trim();
        let content = &told["content"][essence];
        assert!(content.is_object(), "{method} {path} is not said to answer {answer:?}");
        let body = match essence {
            "text/html" => Value::from(String::from_utf8_lossy(&answer.body)),
            _ => answer.json(),
        };
        self.assert_valid(&content["schema"], &body);
    }

    fn assert_tells_fields(&self, told: &Value, answer: &Answer) {
        for (name, field) in told.as_object().into_iter().flatten() {
            let field = self.referred(field);
            let Some(value) = answer.field(&name.to_ascii_lowercase()) else {
                assert_ne!(field["required"], true, "{name} is missing: {answer:?}");
                continue;
            };
            let is_number = field["schema"]["type"] == "integer";
            let number = value.parse::<u64>().ok().filter(|_| is_number);
            self.assert_valid(&field["schema"], &number.map_or(value.into(), Value::from));
        }
        for name in ["Idempotent-Replayed", "Retry-After", "Location", "Link"] {
            let is_there = answer.field(&name.to_ascii_lowercase()).is_some();
            assert!(!is_there || told[name].is_object(), "{name} is not told: {answer:?}");
        }
    }
}
