//! The contract of the registry, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod begun;
mod blob_contract;
mod collection;
mod concurrency;
mod faults;
mod manifest_contract;
mod model;
mod own_documents;
mod regressions;
mod statements;
mod support;
mod upload_contract;
mod usage;
