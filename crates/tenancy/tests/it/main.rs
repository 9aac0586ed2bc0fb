//! The contract of accounts, projects and keys, on both databases.

mod cache;
mod credentials;
mod faults;
mod keys;
mod projects;
mod robots;
mod statements;
mod users;
mod world;
