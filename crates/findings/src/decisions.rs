use component::Pattern;
use policy::{Exception, Exceptions, VexTrust};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vex::Document;

use crate::Origin;

/// What decides in a hub about the findings of an image, as far as it concerns the image: who has it decides alike elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decisions {
    /// The exceptions that count for the image's repository, of those for all projects; what other repositories they are for is left out.
    #[serde(with = "as_document")]
    #[schemars(schema_with = "as_document::schema")]
    pub hub_exceptions: Exceptions,
    /// Those of the image's project.
    #[serde(with = "as_document")]
    #[schemars(schema_with = "as_document::schema")]
    pub project_exceptions: Exceptions,
    /// Authors of VEX, level by level, the most trusted first.
    #[schemars(with = "Vec<Vec<String>>")]
    pub authors: Vec<Vec<Pattern>>,
    /// Whether the word of authors that no pattern names counts, after that of all who are named.
    pub others_count: bool,
    /// VEX documents that were given to the hub, those for all projects first, with the statements that may be about the image. Which of them count
    /// follows from what stands here.
    pub vex: Vec<Document>,
    /// Those that lie beside the image and count there.
    pub beside: Vec<DocumentBeside>,
    /// Whether it is known what is in the image. While it is not, statements are missing about what is in it.
    pub is_inventoried: bool,
}

/// Before the name of an exception for all projects, where it is told for one.
const HUB_MARK: &str = "hub:";

/// Returns the exceptions for all projects and those of one, as they decide together and are called wherever that is told: those for all as `hub:ID`,
/// the project's own by their names.
pub fn united(hub: &Exceptions, project: &Exceptions) -> Exceptions {
    let hub = hub.entries().iter().map(|entry| Exception { id: format!("{HUB_MARK}{}", entry.id), ..entry.clone() });
    Exceptions::new(hub.chain(project.entries().iter().cloned()).collect())
}

/// A VEX document that lies beside an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentBeside {
    /// What it says.
    pub document: Document,
    /// Where it is from.
    pub origin: Origin,
}

impl Decisions {
    /// Returns the exceptions, as they decide in the hub and are called there.
    pub fn exceptions(&self) -> Exceptions {
        united(&self.hub_exceptions, &self.project_exceptions)
    }

    /// Returns whose VEX counts. Whose pushes are believed is decided already.
    pub fn trust(&self) -> VexTrust {
        VexTrust { authors: self.authors.clone(), others_count: self.others_count, pushers: Vec::new() }
    }
}

/// Exceptions as the document that they are.
mod as_document {
    use policy::Exceptions;
    use schemars::{Schema, SchemaGenerator, json_schema};
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use serde_json::Value;

    /// Describes what `policy` writes.
    pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
        let text = || json_schema!({ "type": "string" });
        let texts = || json_schema!({ "type": "array", "items": { "type": "string" } });
        json_schema!({
            "description": "A document of exceptions",
            "type": "object",
            "required": ["apiVersion", "kind", "exceptions"],
            "properties": {
                "apiVersion": text(),
                "kind": text(),
                "exceptions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["id", "vulnerabilities", "owner", "reason", "created", "expires"],
                        "properties": {
                            "id": text(),
                            "vulnerabilities": texts(),
                            "owner": text(),
                            "reason": text(),
                            "created": text(),
                            "expires": text(),
                            "purls": texts(),
                            "versions": text(),
                            "paths": texts(),
                            "scope": texts(),
                            "condition": text(),
                        },
                    },
                },
            },
        })
    }

    pub(super) fn serialize<S: Serializer>(exceptions: &Exceptions, serializer: S) -> Result<S::Ok, S::Error> {
        exceptions.to_json().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Exceptions, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Exceptions::read(document.to_string().as_bytes()).map_err(D::Error::custom)
    }
}
