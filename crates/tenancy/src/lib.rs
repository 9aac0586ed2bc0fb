//! Garrison's `tenancy` crate.
