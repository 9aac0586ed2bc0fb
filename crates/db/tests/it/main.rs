//! The contract of the database, on both.

mod faults;
mod migrations;
mod postgres;
mod sqlite;
mod statements;
mod support;
mod transactions;
