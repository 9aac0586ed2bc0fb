//! Tests of the public interface, by subject.
#![expect(clippy::unwrap_used, reason = "the functions that tables share are tests too; a panic is their failure")]

mod account;
mod decision;
mod glob;
mod matrix;
mod scope;
