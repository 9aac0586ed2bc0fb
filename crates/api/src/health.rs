//! `/livez`, `/readyz`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use crate::app::App;
use crate::endpoint::Call;
use crate::failure::{Failure, storage_full, unavailable};

/// How long an answer holds: whoever asks more often, and anyone may, costs nothing.
const HOLDS: Duration = Duration::from_secs(1);

/// How long the database and the disk may take to be ready all the same.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// What the last look at the stores has shown.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    looked_at: Option<Instant>,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    Ready,
    Full,
    Failing,
}

#[derive(Debug, thiserror::Error)]
#[error("database and blob store did not take a write within {CHECK_TIMEOUT:?}")]
struct TooSlow;

impl Readiness {
    /// Returns the verdict that still holds; none makes it the caller's turn to look. Meanwhile the verdict before holds
    /// for the others.
    fn verdict(&self, now: Instant) -> Option<Verdict> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = state.looked_at.is_some_and(|at| now < at + HOLDS) && state.verdict != Verdict::Unknown;
        if holds {
            return Some(state.verdict);
        }
        state.looked_at = Some(now);
        None
    }

    fn set(&self, verdict: Verdict) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).verdict = verdict;
    }
}

impl App {
    /// Returns when a push would be stored.
    async fn check_stores(&self) -> Result<(), Failure> {
        match self.readiness.verdict(Instant::now()) {
            Some(Verdict::Full) => return Err(storage_full()),
            Some(Verdict::Failing) => return Err(unavailable()),
            Some(Verdict::Ready | Verdict::Unknown) => return Ok(()),
            None => {}
        }
        let checked = match tokio::time::timeout(CHECK_TIMEOUT, self.registry.check_writes()).await {
            Ok(checked) => checked.map_err(Failure::from),
            Err(_) => Err(unavailable().caused_by(TooSlow)),
        };
        self.readiness.set(match &checked {
            Ok(()) => Verdict::Ready,
            Err(failure) if failure.status == StatusCode::INSUFFICIENT_STORAGE => Verdict::Full,
            Err(_) => Verdict::Failing,
        });
        checked
    }
}

/// The process answers.
pub(crate) async fn live(_: Call) -> Result<Response, Failure> {
    Failure::json(StatusCode::OK, &json!({ "status": "live" }))
}

/// The process answers, is not draining, and its database and its disk take writes: the truth that load balancers need.
pub(crate) async fn ready(call: Call) -> Result<Response, Failure> {
    if !call.app.is_ready() {
        return Err(Failure::registry(oci::ErrorCode::Unavailable, "the hub is draining"));
    }
    call.app.check_stores().await?;
    Failure::json(StatusCode::OK, &json!({ "status": "ready" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_looks_and_the_others_take_the_word() {
        let (readiness, start) = (Readiness::default(), Instant::now());
        let tick = Duration::from_millis(1);
        // Before there is any verdict everyone looks.
        assert_eq!((readiness.verdict(start), readiness.verdict(start)), (None, None));
        readiness.set(Verdict::Ready);
        assert_eq!(readiness.verdict(start + HOLDS - tick), Some(Verdict::Ready));
        assert_eq!(readiness.verdict(start + HOLDS), None);
        assert_eq!(readiness.verdict(start + HOLDS), Some(Verdict::Ready), "while another looks");
        readiness.set(Verdict::Full);
        assert_eq!(readiness.verdict(start + HOLDS + HOLDS - tick), Some(Verdict::Full));
        assert_eq!(readiness.verdict(start + HOLDS + HOLDS), None);
    }
}
