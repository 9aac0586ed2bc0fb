//! Garrison's `console` crate.
