//! Tests of what the crate promises to those who use it.

mod documents;
