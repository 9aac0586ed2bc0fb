//! Garrison's `access` crate.
