//! Garrison's `oci` crate.
