//! The JSON of Syft, which Grype and scripts of Syft's users read. Written in a version of its schema whose members all later readers have; read in any.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// The version of the schema that is written. Readers of Syft and Grype warn about newer ones than their own, and take all older ones.
pub(super) const SCHEMA_VERSION: &str = "16.0.0";

const SCHEMA_URL: &str = "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json";

/// The annotation of a location that says in which layer of the inventory it is.
const LAYER_ANNOTATION: &str = "garrison:layer";

/// The annotation of a location that says the way on inside the file, as JSON.
const INSIDE_ANNOTATION: &str = "garrison:inside";
