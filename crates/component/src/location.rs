use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the evidence for a component is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// The absolute path in the image or directory, with `/` between its parts.
    pub path: String,
    /// The way on inside the file, from archive to nested archive: `["BOOT-INF/lib/a.jar"]`.
    pub inside: Vec<String>,
    /// The layer that the file is in, as an index into the inventory's layers. `None` outside of images.
    pub layer: Option<u16>,
}

impl Location {
    /// Makes the location of a file.
    pub fn new(path: impl Into<String>, layer: Option<u16>) -> Self {
        Self { path: path.into(), inside: Vec::new(), layer }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        self.inside.iter().try_for_each(|step| write!(formatter, " > {step}"))
    }
}
