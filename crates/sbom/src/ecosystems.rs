//! What several catalogers of one ecosystem share: its names, its metadata, its way to find a dependency.

pub(crate) mod cargo;
pub(crate) mod composer;
pub(crate) mod digests;
pub(crate) mod documents;
pub(crate) mod gem;
pub(crate) mod go_modules;
pub(crate) mod golang;
pub(crate) mod gradle_script;
pub(crate) mod gradle_tokens;
pub(crate) mod gradle_values;
pub(crate) mod graph;
pub(crate) mod identity;
pub(crate) mod manifests;
pub(crate) mod msbuild;
pub(crate) mod npm;
pub(crate) mod npm_peers;
pub(crate) mod nuget;
pub(crate) mod paths;
pub(crate) mod pypi;
pub(crate) mod pyproject;
pub(crate) mod python_extras;
pub(crate) mod python_locks;
pub(crate) mod python_places;
pub(crate) mod setup_script;
pub(crate) mod texts;
pub(crate) mod yaml;
