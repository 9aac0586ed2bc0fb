//! The hub's database of advisories, wired.

use std::sync::Arc;

use ::advisories::{Advisories, OnDatabase, Options};
use feeds::Store;
use ledger::jobs::{JobError, Runner};
use outbound::FeedOptions;
use pipeline::Pipeline;
use registry::Registry;
use tenancy::Tenancy;

use crate::advisories::moment;
use crate::commands::db::update::{DOCUMENT_BYTES_MAX, DOCUMENT_TIME_MAX, PAUSE, SILENCE_MAX};
use crate::data_directory::DataDirectory;
use crate::server::Stop;
use crate::settings::{Often, Settings};

/// Opens what is in the data directory.
pub(super) fn open(
    settings: &Settings,
    directory: &DataDirectory,
    tenancy: &Tenancy,
    pipeline: &Pipeline,
    registry: &Registry,
    (database, runner): (&db::Db, &Runner),
) -> Advisories {
    let options = Options {
        store: Store::new(directory.path().join("advisories")),
        daily: settings.advisories_update == Often::Daily,
        choices: settings.advisories_feeds.0.clone(),
        fetching: FeedOptions {
            private_hosts: settings.advisories_private_hosts.0.clone(),
            ca_file: None,
            pause: PAUSE,
            bytes_max: DOCUMENT_BYTES_MAX,
            time_max: DOCUMENT_TIME_MAX,
            silence_max: SILENCE_MAX,
        },
        on_database: matching(pipeline, database, runner),
    };
    Advisories::new(registry.clone(), tenancy.clone(), options)
}

/// Has images matched by each database that comes into use, and orders the job that matches again what was matched by another.
fn matching(pipeline: &Pipeline, database: &db::Db, runner: &Runner) -> OnDatabase {
    let (pipeline, hub, jobs) = (pipeline.clone(), database.clone(), runner.notifier());
    Arc::new(move |sha256, database| {
        let (pipeline, hub, jobs) = (pipeline.clone(), hub.clone(), jobs.clone());
        Box::pin(async move {
            pipeline.use_advisories(Arc::new(pipeline::Advisories { database, sha256: sha256.clone() }));
            hub.write(move |tx| {
                let sha256 = sha256.clone();
                Box::pin(async move {
                    let job = Pipeline::match_order(&sha256).map_err(|error| JobError::permanent(&error))?;
                    ledger::jobs::enqueue(tx, &job).await?;
                    Ok::<_, JobError>(())
                })
            })
            .await?;
            jobs.notify();
            Ok(())
        })
    })
}

/// Returns how old the advisories are, as people read it.
pub(super) fn age(advisories: &Advisories) -> String {
    let newest = advisories.status().ok().and_then(|status| status.newest());
    newest.map_or_else(|| "not loaded yet".to_owned(), |newest| format!("of {}", moment(Some(newest))))
}

/// Follows what is published until the hub stops.
pub(super) async fn follow(advisories: Advisories, stop: Stop) {
    tokio::select! {
        () = stop.requested() => {}
        () = advisories.keep_following() => {}
    }
}
