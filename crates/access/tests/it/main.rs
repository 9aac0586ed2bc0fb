//! Tests of the public interface, by subject.

mod account;
mod decision;
mod glob;
mod matrix;
mod scope;
