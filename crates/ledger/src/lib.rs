//! Garrison's `ledger` crate.
