//! Garrison's `db` crate.
