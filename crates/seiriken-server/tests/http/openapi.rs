//! The description of the service: that it is OpenAPI, and complete.

use std::collections::BTreeSet;

use reqwest::Method;
use seiriken::http::ProblemKind;
use serde_json::Value;

use crate::description::Description;
use crate::service::Service;
use crate::shop::{CAKE, answer};

/// Options that change what is described.
const OPTIONS: [&[&str]; 6] = [
    &[],
    &["--identity", "header=X-User", "--public-url", "https://shop.example"],
    &["--identity", "cookie=session", "--on-concurrent", "wait=5s"],
    &["--identity", "anonymous"],
    &["--keys", "issued"],
    &["--keys", "dated"],
];

/// Every value below `part`, each with the name of the member that it is.
fn walk<'v>(name: &'v str, part: &'v Value, visit: &mut impl FnMut(&'v str, &'v Value)) {
    visit(name, part);
    match part {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| walk(name, member, visit));
        }
        Value::Array(elements) => elements.iter().for_each(|element| walk("", element, visit)),
        _ => {}
    }
}

#[tokio::test]
async fn it_is_openapi_3_1_whatever_the_options() {
    for options in OPTIONS {
        let service = Service::in_memory(options).await;
        let description = Description::of(&service.shop()).await;
        let document = &description.document;
        let read = oas3::from_json(document.to_string());
        let read = read.unwrap_or_else(|error| panic!("{error}: {document:#}"));
        assert_eq!(read.openapi, "3.1.0");

        let (mut references, mut schemas) = (Vec::new(), Vec::new());
        walk("", document, &mut |name, part| match (name, part) {
            ("$ref", Value::String(reference)) => references.push(reference),
            ("schema", part) => schemas.push(part),
            _ => {}
        });
        schemas.extend(document["components"]["schemas"].as_object().expect("schemas").values());
        assert!(references.len() > 20 && schemas.len() > 20);
        for reference in references {
            description.at(reference.strip_prefix('#').expect("of this document"));
        }
        for schema in schemas {
            if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
                panic!("{error}: {schema}");
            }
        }
    }
}

#[tokio::test]
async fn each_call_has_a_name_of_its_own_and_all_that_its_path_needs() {
    let service = Service::in_memory(&[]).await;
    let description = Description::of(&service.shop()).await;
    let mut names = BTreeSet::new();
    for (method, path, call) in description.calls() {
        let name = call["operationId"].as_str().expect("a name");
        assert!(names.insert(name), "{name} is there twice");
        let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let declared = call["parameters"].as_array().into_iter().flatten();
        let declared = declared.filter(|parameter| parameter["in"] == "path");
        let declared = declared.map(|parameter| parameter["name"].as_str().expect("a name"));
        assert!(in_path.eq(declared), "{method} {path}");
        for (status, told) in call["responses"].as_object().expect("answers") {
            let text = told["description"].as_str().expect("a text");
            assert!(text.len() > 1, "{method} {path} {status}");
        }
    }
}

#[tokio::test]
async fn every_call_is_described_and_answers_as_it_is_described() {
    let service = Service::in_memory(&[]).await;
    let shop = service.shop();
    let ordered = shop.order("k", CAKE).await;
    let order = ordered.field("location").expect("a place");
    let expected = [
        (Method::GET, "/", "/"),
        (Method::GET, "/.well-known/idempotency", "/.well-known/idempotency"),
        (Method::GET, "/healthz", "/healthz"),
        (Method::GET, "/openapi.json", "/openapi.json"),
        (Method::GET, "/orders", "/orders"),
        (Method::POST, "/orders", "/orders"),
        (Method::POST, "/orders/prepare", "/orders/prepare"),
        (Method::GET, "/orders/{id}", order),
    ];
    let description = Description::of(&shop).await;
    let described = description.calls().into_iter().map(|(method, path, _)| (method, path));
    let described: BTreeSet<_> = described.map(|(m, path)| (path, m.to_string())).collect();
    let names = expected.iter().map(|(method, path, _)| (*path, method.to_string()));
    assert_eq!(described, names.collect());
    for (method, path, target) in &expected {
        let asked = shop.request(method.clone(), target).header("Idempotency-Key", "k2");
        let asked = asked.header("Content-Type", "application/json").body(CAKE);
        let answer = answer(asked).await;
        assert!(answer.status.is_success(), "{method} {target}: {answer:?}");
        description.assert_tells(method, path, &answer);
    }
    let page = shop.request(Method::GET, "/.well-known/idempotency").header("Accept", "text/html");
    description.assert_tells(&Method::GET, "/.well-known/idempotency", &answer(page).await);
}

#[tokio::test]
async fn every_problem_of_the_layer_is_listed_under_its_status() {
    let service = Service::in_memory(&[]).await;
    let description = Description::of(&service.shop()).await;
    let responses = &description.call(&Method::POST, "/orders")["responses"];
    for kind in ProblemKind::ALL {
        let examples = &responses[kind.status().as_str()]["content"]["application/problem+json"];
        let example = &examples["examples"][kind.fragment().unwrap_or("plain")]["value"];
        let expected = match kind.fragment() {
            Some(fragment) => format!("/.well-known/idempotency#{fragment}"),
            None => "about:blank".to_owned(),
        };
        assert_eq!(example["type"], expected, "{kind:?}");
        assert_eq!(example["title"], kind.title(), "{kind:?}");
        assert_eq!(example["status"], kind.status().as_u16(), "{kind:?}");
    }
}

#[tokio::test]
async fn every_example_is_what_it_is_an_example_of() {
    for options in OPTIONS {
        let service = Service::in_memory(options).await;
        let description = Description::of(&service.shop()).await;
        let mut checked = 0;
        walk("", &description.document, &mut |_, part| {
            let examples = part["examples"].as_object().into_iter().flatten();
            for (_, example) in examples.filter(|_| part["schema"].is_object()) {
                description.assert_valid(&part["schema"], &example["value"]);
                checked += 1;
            }
        });
        let schemas = description.document["components"]["schemas"].as_object().expect("schemas");
        for schema in schemas.values() {
            for example in schema["examples"].as_array().into_iter().flatten() {
                description.assert_valid(schema, example);
                checked += 1;
            }
        }
        assert!(checked > 15, "{checked}");
    }
}

#[tokio::test]
async fn it_says_what_the_options_say() {
    let options = ["--public-url", "https://shop.example", "--max-body", "3KiB"];
    let more = ["--retention", "2h", "--on-concurrent", "wait=5s", "--identity", "cookie=session"];
    let service = Service::in_memory(&[&options[..], &more].concat()).await;
    let description = Description::of(&service.shop()).await;
    assert_eq!(*description.at("/servers/0/url"), "https://shop.example");
    let text = description.at("/info/description").as_str().expect("text");
    for said in ["7200 s", "waiting up to 5 s", "`Idempotent-Replayed: true`", "canonical-json"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(
        *description.at("/paths/~1orders/post/requestBody/description"),
        "At most 3072 bytes."
    );
    let scheme = serde_json::json!({ "type": "apiKey", "in": "cookie", "name": "session" });
    assert_eq!(
        *description.at("/components/securitySchemes"),
        serde_json::json!({ "caller": scheme })
    );
    let page = "https://shop.example/.well-known/idempotency";
    let link = description.at("/components/headers/Link/schema/const");
    assert_eq!(*link, format!("<{page}>; rel=\"describedby\""));
    let missing = "/paths/~1orders/post/responses/400/content/application~1problem+json/examples";
    let missing = description.at(&format!("{missing}/key-missing/value/type"));
    assert_eq!(*missing, format!("{page}#key-missing"));
}

/// The one of dated keys is a key for the day that it was made on.
#[tokio::test]
async fn each_key_that_it_shows_is_one_that_is_taken() {
    for (keys, shown) in [("client", 2), ("dated", 2), ("issued", 0)] {
        let service = Service::in_memory(&["--keys", keys]).await;
        let shop = service.shop();
        let description = Description::of(&shop).await;
        let field = description.at("/paths/~1orders/post/parameters/0");
        assert_eq!(field["examples"].as_object().expect("examples").len(), shown, "{keys}");
        for example in field["examples"].as_object().expect("examples").values() {
            let told = shop.order(example["value"].as_str().expect("a key"), CAKE).await;
            match keys {
                "dated" => drop(told.assert_refused(400, "key-expired")),
                _ => assert_eq!(told.status, 201, "{keys}: {example}"),
            }
        }
    }
}
