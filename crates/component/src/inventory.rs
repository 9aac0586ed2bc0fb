use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Component, Distribution, Location, Purl, Scope};

/// Everything that was found in one source.
///
/// The same source gives an equal inventory on any machine: components and edges are sorted, and nothing in it depends on the time or the
/// order of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// What was looked at: the root of the dependency graph.
    pub subject: Subject,
    /// The operating system, where there is one.
    pub distribution: Option<Distribution>,
    /// The diff-IDs of the layers, lowest first. Empty outside of images.
    pub layers: Vec<Layer>,
    /// The components, in their natural order, none twice.
    pub components: Vec<Component>,
    /// The edges, in order, none twice.
    pub edges: Vec<Edge>,
    /// What was seen and could not be named, or was skipped by a limit.
    pub unknowns: Vec<Unknown>,
    /// When the source was made, in RFC 3339; from the source itself, never from a clock.
    pub created: Option<String>,
}

/// What an inventory is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A container image.
    Image {
        /// As it was asked for, without a digest: `registry.example/team/api:1.4`, or a path.
        name: String,
        /// The digest of its manifest.
        digest: String,
        /// Its platform: `linux/amd64`.
        platform: Option<String>,
    },
    /// A directory.
    Directory {
        /// As it was asked for.
        name: String,
    },
    /// One file.
    File {
        /// As it was asked for.
        name: String,
        /// The SHA-256 of its bytes, in hexadecimal.
        sha256: Option<String>,
    },
    /// What another tool's document describes.
    Document {
        /// The name in the document.
        name: String,
        /// The version in the document.
        version: Option<String>,
        /// The purl in the document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        purl: Option<Purl>,
    },
}

impl Subject {
    /// Returns the name.
    pub fn name(&self) -> &str {
        match self {
            Self::Image { name, .. }
            | Self::Directory { name }
            | Self::File { name, .. }
            | Self::Document { name, .. } => name,
        }
    }
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// The digest of the layer's blob.
    pub digest: String,
    /// The digest of the layer's tar.
    pub diff_id: String,
    /// The size of the blob.
    pub size_bytes: u64,
    /// The command that made it, as the image's history has it.
    pub created_by: Option<String>,
}

/// The place of a component in [`Inventory::components`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ComponentIndex(pub u32);

/// An end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Node {
    /// The subject itself.
    Root,
    /// A component.
    Component(ComponentIndex),
}

/// A relation between two components, or between the subject and a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// What depends, contains or owns.
    pub from: Node,
    /// What is depended on, contained or owned.
    pub to: ComponentIndex,
    /// How.
    pub relation: Relation,
}

/// How two components are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The first needs the second for what the scope says.
    DependsOn(Scope),
    /// The second is inside the first's file: a jar in a jar.
    Contains,
    /// The first is a package of the operating system that installed the second: by its file list it owns the second's evidence.
    Owns,
}

/// What was seen and could not be named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// Where.
    pub location: Location,
    /// What it is and why it was not named, in words.
    pub reason: String,
}
