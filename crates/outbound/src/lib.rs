//! Garrison's `outbound` crate.
