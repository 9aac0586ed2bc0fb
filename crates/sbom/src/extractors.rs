//! What takes facts out of files that are too large to be kept.

pub(crate) mod debian_copyright;
pub(crate) mod executable;
pub(crate) mod java_archive;
pub(crate) mod manifest;
pub(crate) mod maven;
pub(crate) mod maven_groups;
pub(crate) mod maven_licenses;
pub(crate) mod python_archive;
pub(crate) mod rpm_database;
pub(crate) mod zip;
