//! Tests of the crate's surface.

mod note;
mod tree;
mod vectors;
