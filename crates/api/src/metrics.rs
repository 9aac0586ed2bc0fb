//! `/metrics`, in the `OpenMetrics` text format.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::endpoint::Call;
use crate::failure::{Failure, respond};

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, PartialEq, Eq, Hash, EncodeLabelSet, Debug)]
struct Answered {
    endpoint: &'static str,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, EncodeLabelSet, Debug)]
struct Timed {
    endpoint: &'static str,
}

/// Figures that the surface keeps itself.
pub struct Metrics {
    requests: Family<Answered, Counter<u64, AtomicU64>>,
    seconds: Family<Timed, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_1, 4.0, 10));
        Self { requests: Family::default(), seconds: Family::new_with_constructor(buckets) }
    }
}

impl Metrics {
    pub(crate) fn answered(&self, endpoint: &'static str, status: u16, elapsed: Duration) {
        self.requests.get_or_create(&Answered { endpoint, status }).inc();
        self.seconds.get_or_create(&Timed { endpoint }).observe(elapsed.as_secs_f64());
    }
}

impl App {
    /// Returns the metrics as text.
    ///
    /// # Errors
    /// When the database cannot say what is stored.
    pub async fn metrics_text(&self) -> Result<String, Failure> {
        let mut metrics = Registry::with_prefix("garrison");
        metrics.register("requests", "Requests answered", self.metrics.requests.clone());
        metrics.register("request_seconds", "Time until the head of an answer", self.metrics.seconds.clone());
        let collection = self.registry.collection_figures().await?;
        let figures = self.db.metrics();
        let advisories = self.advisories.clone();
        // It reads a small file for each feed.
        let advisories = tokio::task::spawn_blocking(move || advisories.status()).await.map_err(Failure::internal)?;
        let advisories = advisories.map_err(Failure::internal)?;
        let failing = advisories.states.values().filter(|state| state.error.is_some()).count();
        for (name, help, value) in [
            ("blobs_stored", "Blobs stored, each once for all repositories", collection.stored.0),
            ("blobs_stored_bytes", "Their bytes", collection.stored.1),
            ("collection_overdue_seconds", "Since when what is due waits for collection", collection.overdue.as_secs()),
            ("unlink_overdue_seconds", "Since when a file waits to be unlinked", collection.unlink_overdue.as_secs()),
            ("collected_files", "Files that collection has freed", collection.freed.files),
            ("collected_bytes", "Bytes that collection has freed", collection.freed.bytes),
            ("answers_held_bytes", "Bytes of large answers on their way out", self.answers.held_bytes()),
            ("requests_held_bytes", "Bytes of large manifests on their way in", self.requests.held_bytes()),
            (
                "advisories_newest_timestamp_seconds",
                "When the newest record of the database of advisories was made or changed; 0 without one",
                advisories.newest().and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0),
            ),
            ("advisories_feeds_failing", "Feeds of advisories that keep an earlier state", failing as u64),
            ("database_commits", "Transactions committed since the start", figures.commits),
            ("database_writes", "Writes in those transactions", figures.writes),
        ] {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            metrics.register(name, help, gauge);
        }
        let mut text = String::new();
        encode(&mut text, &metrics).map_err(Failure::internal)?;
        Ok(text)
    }
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    respond(StatusCode::OK, MEDIA_TYPE, call.app.metrics_text().await?.into_bytes())
}
