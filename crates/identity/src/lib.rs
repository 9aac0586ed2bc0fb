//! Garrison's `identity` crate.
