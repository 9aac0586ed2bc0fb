//! The contract of the audit log and of jobs, on both databases.

mod audit;
mod denials;
mod faults;
mod jobs;
mod statements;
mod support;
mod verify;
