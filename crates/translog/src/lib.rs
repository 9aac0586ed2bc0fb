//! Garrison's `translog` crate.
