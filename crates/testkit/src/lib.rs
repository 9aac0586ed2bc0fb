//! Garrison's `testkit` crate.
