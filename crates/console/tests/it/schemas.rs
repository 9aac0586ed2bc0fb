//! What the API answers of a hub with images, held against the `OpenAPI` document.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

/// Returns the schema of what a path answers, in which nothing may stand that it does not name.
fn schema_of(document: &Value, path: &str) -> Value {
    let operation = &document["paths"][path]["get"];
    let mut schema = operation["responses"]["200"]["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{path} has no schema");
    schema["components"] = document["components"].clone();
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object) && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

testkit::on_both_databases! {
    async fn what_the_api_answers_of_images_is_as_the_document_says(database: testkit::Database) {
        let world = World::new(database).await;
        let shop = world.shop("team/shop", &["2.1"]).await;
        let (admin, reader) = (world.log_in("admin").await, world.log_in("reader").await);
        let now = registry::Clock::System.now_us() / 1_000_000;
        let entry = json!({
            "id": "lodash", "vulnerabilities": ["CVE-2021-*"], "owner": "team-a", "reason": "not reached", "purls": ["pkg:npm/lodash"],
            "created": policy::write_moment(now - 86_400), "expires": policy::write_moment(now + 86_400),
        });
        let document = json!({"apiVersion": "garrison.dev/v1", "kind": "Exceptions", "exceptions": [entry]});
        let whose = pipeline::Whose::Project("team".to_owned());
        world.pipeline.set_exceptions(&whose, "user:ann", document.to_string(), None).await.unwrap();
        let product = json!({"@id": "pkg:npm/lodash", "hashes": {"sha-256": "ab".repeat(32)}});
        let vex = json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://v.example/1", "author": "Vendor", "version": 1,
            "timestamp": "2026-01-02T03:04:05Z",
            "statements": [
                {"vulnerability": {"name": "CVE-2021-23337"}, "products": [product], "status": "not_affected",
                    "justification": "component_not_present", "impact_statement": "not there"},
                {"vulnerability": {"name": "CVE-2024-0727"}, "products": [product], "status": "affected", "action_statement": "wait"},
                {"vulnerability": {"name": "CVE-2024-0727"}, "products": [product], "status": "sleeps"},
            ],
        });
        let given = vex.to_string().into_bytes();
        let digest = blobs::digest(oci::Algorithm::Sha256, &given);
        world.pipeline.add_vex(&whose, "user:ann", given, digest).await.unwrap();
        world.advise().await;
        world.index_of("team/shop", "multi", &[(shop, "amd64")]).await;
        let document = api::openapi(&api::endpoints(), "0.0.0");
        let image = "name=team/shop&reference=2.1";
        for (path, query, told) in [
            ("/api/v1/repository/findings", image, "/findings/1"),
            ("/api/v1/repository/explanation", &*format!("{image}&vulnerability=CVE-2021-23337"), "/records/0/comparison"),
            ("/api/v1/repository/explanation", &*format!("{image}&vulnerability=CVE-2024-0727&component=lodash"), "/elsewhere/0"),
            ("/api/v1/repository/explanation", &*format!("{image}&vulnerability=CVE-1-1"), "/unknown_to/0"),
            ("/api/v1/repository/decisions", image, "/vex/0/statements/1"),
            ("/api/v1/repository/decisions", image, "/project_exceptions/exceptions/0"),
            ("/api/v1/repository/components", image, "/items/0"),
            ("/api/v1/repository/inventory", "name=team/shop&reference=multi", "/images/0"),
            ("/api/v1/repository/documents", image, ""),
            ("/api/v1/repository/vex", image, ""),
            ("/api/v1/repository/manifest", image, "/layers/0"),
            ("/api/v1/repository/tags", "name=team/shop", "/items/0"),
            ("/api/v1/components", "query=lodash", "/items/0"),
            ("/api/v1/components", "query=CVE-2024-0727", "/items/0"),
            ("/api/v1/vulnerabilities", "", "/items/0"),
            ("/api/v1/findings/totals", "", "/matched"),
            ("/api/v1/findings/events", "", ""),
            ("/api/v1/refused-images", "", ""),
            ("/api/v1/advisories", "", "/packages"),
            ("/api/v1/projects/{project}/exceptions", "", "/exceptions/0"),
            ("/api/v1/projects/{project}/vex", "", "/items/0"),
        ] {
            let validator = jsonschema::options().should_validate_formats(true).build(&schema_of(&document, path)).unwrap();
            for session in [&reader, &admin] {
                let answer = world.get(&format!("{}?{query}", path.replace("{project}", "team")), Some(session)).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}?{query}: {}", answer.text);
                let answer: Value = serde_json::from_str(&answer.text).unwrap();
                // What is to be checked is there.
                assert!(answer.pointer(told).is_some_and(|told| !told.is_null()), "{path}?{query} {told}: {answer}");
                let wrong: Vec<String> =
                    validator.iter_errors(&answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
                assert_eq!(wrong, Vec::<String>::new(), "{path}?{query}: {answer}");
            }
        }
    }
}
