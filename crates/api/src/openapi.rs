//! The `OpenAPI` 3.1 document, made from the table.

use axum::response::Response;
use http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::endpoint::{Call, Endpoint, Guard, Surface};
use crate::failure::{ERROR_CODES, Failure};

/// Returns the document for a table.
pub fn openapi(table: &[&Endpoint], version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for endpoint in table.iter().filter(|endpoint| endpoint.surface != Surface::Page) {
        let operation = operation(endpoint, &mut generator);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_lowercase()] = operation;
    }
    let mut schemas: Map<String, Value> = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    schemas.insert("RegistryErrors".to_owned(), registry_errors());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Garrison",
            "version": version,
            "description": "The hub's API. `/v2` follows the OCI distribution specification.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": { "type": "http", "scheme": "basic" },
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(endpoint.parameters.iter().map(|name| query_parameter(endpoint, name)));
    let (status, schema) = endpoint.answer;
    let mut answer = json!({ "description": "As asked" });
    if let Some(schema) = schema {
        answer["content"]["application/json"]["schema"] = json!(schema(generator));
    }
    let (media_type, errors) = match endpoint.surface {
        Surface::Registry => ("application/json", "RegistryErrors"),
        Surface::Api | Surface::Page => ("application/problem+json", "Problem"),
    };
    let failure = json!({
        "description": "Refused or failed; `code` says why",
        "content": { media_type: { "schema": { "$ref": format!("#/components/schemas/{errors}") } } },
    });
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": { status.to_string(): answer, "default": failure },
    });
    if let Some(schema) = endpoint.request {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema(generator) } },
        });
    }
    operation["security"] = match endpoint.guard {
        Guard::Open => json!([]),
        Guard::Needs(_) => json!([{ "basic": [] }, { "token": [] }]),
    };
    operation
}

/// Describes a query parameter. The same name means the same wherever it stands.
fn query_parameter(endpoint: &Endpoint, name: &str) -> Value {
    let schema = match name {
        "limit" => json!({ "type": "integer", "minimum": 1 }),
        "n" => json!({ "type": "integer", "minimum": 0 }),
        "exploited" | "fixable" | "accept_older" | "accept_fewer_feeds" => json!({ "type": "boolean" }),
        "epss" => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        "severity" => json!({ "type": "string", "enum": ["negligible", "low", "medium", "high", "critical"] }),
        "tagged" => json!({ "type": "string", "enum": ["yes", "no", "any"] }),
        "order" => json!({ "type": "string", "enum": ["worst", "epss", "age"] }),
        _ => json!({ "type": "string" }),
    };
    let mut parameter = json!({ "name": name, "in": "query", "schema": schema });
    if is_required(endpoint.name, name) {
        parameter["required"] = true.into();
    }
    parameter
}

/// Tells whether a row answers nothing without a query parameter.
fn is_required(row: &str, parameter: &str) -> bool {
    match parameter {
        "name" | "reference" => true,
        "query" => row == "component.find",
        "vulnerability" => row == "finding.explain",
        "document" => row == "inventory.differences",
        "action" | "resource" => row == "access.explain",
        "digest" => row == "upload.finish",
        _ => false,
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "enum": ERROR_CODES },
            "detail": { "type": "string" },
            "hint": { "type": "string" },
            "facts": {},
        },
    })
}

fn registry_errors() -> Value {
    json!({
        "type": "object",
        "description": "OCI distribution 1.1, \"Error codes\"",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["code"],
                    "properties": { "code": { "type": "string" }, "message": { "type": "string" }, "detail": {} },
                },
            },
        },
    })
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    Failure::json(StatusCode::OK, &openapi(&crate::table::endpoints(), call.app.options.version))
}
