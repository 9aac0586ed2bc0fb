//! A hub killed at random moments while it is pushed to, mounted in, deleted from and collected.
//!
//! Each worker has repositories of its own and remembers what was acknowledged and what was in flight; contents are partly
//! the same for all workers, so that files are shared and collection has to tell who still needs them. After each kill all
//! of it is compared, bit for bit, and `fsck` must agree. `GARRISON_CRASH_ROUNDS` sets the number of kills. The hub is
//! killed, a database server is not; a kill keeps the page cache, so what is synced when is for other tests to see.

mod known;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use testkit::Database;

use crate::content::Random;
use crate::http::Client;
use crate::hub::{Hub, Installation};
use crate::process::eventually;
use known::{GRACE, UPLOAD_EXPIRY};
use worker::Worker;

const ROUNDS: &str = "GARRISON_CRASH_ROUNDS";
const ROUNDS_DEFAULT: u64 = 4;
const SEED: &str = "GARRISON_CRASH_SEED";
const WORKERS: u64 = 4;
/// After how many kills a long run says how far it is.
const TOLD_EVERY: u64 = 10;
/// How many answers a hub gives before it is killed.
const ANSWERS_MIN: u64 = 10;
const ANSWERS_SPREAD: u64 = 150;
/// The kill comes at most this long after that, in the middle of whatever runs.
const DELAY_SPREAD_US: u64 = 20_000;
/// Longer than all workers together need for that many answers.
const ROUND_DEADLINE: Duration = Duration::from_mins(2);
/// A job that a killed hub was running is taken up when its lease of half a minute ends.
const JOB_DEADLINE: Duration = Duration::from_mins(5);

testkit::on_both_databases! {
    async fn nothing_acknowledged_is_lost(database: Database) { crash(database); }
}

fn crash(database: Database) {
    if crate::is_quick() {
        return;
    }
    let rounds = number(ROUNDS).unwrap_or(ROUNDS_DEFAULT);
    let seed = number(SEED).unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos())
    });
    eprintln!("crash: {rounds} rounds, {SEED}={seed}");
    let installation = Installation::new(database);
    let mut random = Random::new(seed);
    let mut workers: Vec<Worker> = (0..WORKERS).map(|number| Worker::new(number, random.next())).collect();
    let mut slowest_start = Duration::ZERO;
    for round in 0..=rounds {
        let start = Instant::now();
        let [grace, expiry] = [GRACE, UPLOAD_EXPIRY].map(|duration| format!("{}s", duration.as_secs()));
        let hub = installation.start(&["--collect-grace", &grace, "--upload-expiry", &expiry]);
        slowest_start = slowest_start.max(start.elapsed());
        thread::scope(|scope| {
            for worker in &mut workers {
                let client = hub.client();
                scope.spawn(move || worker.compare(client));
            }
        });
        fsck(&mut hub.client());
        if round == rounds {
            settle(&installation, hub, &workers, slowest_start);
            return;
        }
        run_until_killed(hub, &mut workers, &mut random);
        if (round + 1) % TOLD_EVERY == 0 {
            eprintln!("crash on {}: {} kills", installation.database(), round + 1);
        }
    }
}

/// Lets all workers work, kills the hub amid it, and returns when all have noticed.
fn run_until_killed(hub: Hub, workers: &mut [Worker], random: &mut Random) {
    let is_killed = Arc::new(AtomicBool::new(false));
    let (sender, answers) = mpsc::channel();
    thread::scope(|scope| {
        for worker in workers {
            let (client, sender, is_killed) = (hub.client(), sender.clone(), Arc::clone(&is_killed));
            scope.spawn(move || worker.work(client, &sender, &is_killed));
        }
        drop(sender);
        for _ in 0..ANSWERS_MIN + random.below(ANSWERS_SPREAD) {
            // All senders are gone when every worker has failed; the scope tells.
            if answers.recv_timeout(ROUND_DEADLINE).is_err() {
                break;
            }
        }
        let deadline = Instant::now() + Duration::from_micros(random.below(DELAY_SPREAD_US));
        while answers.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {}
        is_killed.store(true, Ordering::SeqCst);
        hub.kill();
    });
}

/// Waits until collection has done all it had to, looks at everything once more, and says what was done.
fn settle(installation: &Installation, hub: Hub, workers: &[Worker], slowest_start: Duration) {
    let mut client = hub.client();
    let collection = eventually(JOB_DEADLINE, || {
        let collection = client.get("/api/v1/gc").unwrap().expect(200).json();
        let is_done = collection["leased"]["count"] == 0 && collection["discarded"]["count"] == 0;
        is_done.then_some(collection)
    });
    let Some(collection) = collection else {
        panic!("collection does not end: {}", client.get("/api/v1/gc").unwrap().text())
    };
    assert_ne!(collection["freed"]["files"]["count"], 0, "{collection}");
    let report = fsck(&mut client);
    hub.stop();
    let mut done = worker::Counts::default();
    for worker in workers {
        done.add(&worker.done);
    }
    eprintln!(
        "crash on {}: {done}; slowest start {slowest_start:?}; freed {}; stored {}; files that nothing names {}",
        installation.database(),
        collection["freed"],
        collection["stored"],
        report["orphans"],
    );
}

/// Checks all that is stored; only files that nothing names may be found. Returns the report.
fn fsck(client: &mut Client) -> serde_json::Value {
    let job = client.post_json("/api/v1/fsck", &serde_json::json!({})).unwrap().expect(202).json();
    let state = eventually(JOB_DEADLINE, || {
        let job = client.get(&format!("/api/v1/jobs/{}", job["id"])).unwrap().expect(200).json();
        (job["state"] != "pending" && job["state"] != "running").then_some(job)
    });
    let state = state.unwrap_or_else(|| panic!("the check does not end"));
    assert_eq!(state["state"], "done", "{state}");
    let report = client.get(&format!("/api/v1/fsck/{}", job["id"])).unwrap().expect(200).json();
    let findings = report["findings"].as_array().unwrap();
    let wrong: Vec<_> = findings.iter().filter(|finding| finding["kind"] != "orphan").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    report
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap())
}
