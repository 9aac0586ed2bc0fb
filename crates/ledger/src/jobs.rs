//! Durable work: rows that survive the process which made them.
//!
//! A service calls [`enqueue`] in the transaction that causes the work. A [`Runner`] takes due jobs under a lease by the
//! database's clock, renews it while the handler works, and retries with growing delays. A handler may therefore run more
//! than once for one job, and must be able to; what it writes through [`Context::commit`] is refused once the lease is
//! lost, so that of two runs only the one that holds the job changes anything.

mod context;
mod kind;
mod queue;
mod runner;

pub use context::{Context, JobError, LeaseLost, Outcome, PROGRESS_BYTES_MAX};
pub use kind::Kind;
pub use queue::{
    Canceled, Filter, Job, KEY_BYTES_MAX, LIST_MAX, NewJob, NewJobError, PAYLOAD_BYTES_MAX, Retried, State,
    UnknownState, cancel, enqueue, is_undone, list, list_undone, retry, show,
};
pub use runner::{
    BACKOFF_FIRST, BACKOFF_MAX, CONCURRENCY, FINISHED_KEPT, LEASE, Runner, RunnerHandle, RunnerNotifier, backoff,
};

pub(crate) const STATEMENTS: &[&[db::Statement]] = &[context::STATEMENTS, queue::STATEMENTS, runner::STATEMENTS];
