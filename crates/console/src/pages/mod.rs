//! The pages, a file each.

pub(crate) mod advisories;
pub(crate) mod component;
pub(crate) mod components;
pub(crate) mod dependencies;
pub(crate) mod differences;
pub(crate) mod exceptions;
pub(crate) mod explanation;
pub(crate) mod findings;
pub(crate) mod image;
pub(crate) mod image_components;
pub(crate) mod image_findings;
pub(crate) mod login;
pub(crate) mod overview;
pub(crate) mod project;
pub(crate) mod repositories;
pub(crate) mod search;
pub(crate) mod vex;
pub(crate) mod vulnerability;
