//! Garrison's `registry` crate.
