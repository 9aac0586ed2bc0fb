use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use db::{BoxFuture, Db};
use insta::assert_snapshot;
use ledger::jobs::{
    self, BACKOFF_FIRST, BACKOFF_MAX, Canceled, Context, FINISHED_KEPT, Filter, Job, JobError, KEY_BYTES_MAX, Kind,
    LeaseLost, NewJob, Outcome, PAYLOAD_BYTES_MAX, Retried, Runner, State, backoff,
};
use testkit::Database;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::support::{open, run};

const WORK: Kind = Kind::new("work");
const TWICE: Kind = Kind::new("twice").attempts_max(2);
const OTHER: Kind = Kind::new("other").priority(1).payload_version(3);
const LONG: Duration = Duration::from_mins(1);

db::statements! {
    EXPIRE = "UPDATE jobs SET lease_expires_at_us = 1 WHERE id = $1 AND state = 'running'";
    DUE_NOW = "UPDATE jobs SET not_before_us = 0 WHERE id = $1 AND state = 'pending'";
    DELAY = "UPDATE jobs SET not_before_us = $2 WHERE id = $1";
    SET_ATTEMPTS = "UPDATE jobs SET attempts = $2 WHERE id = $1";
    SET_VERSION = "UPDATE jobs SET payload_version = $2 WHERE id = $1";
    DIE = "UPDATE jobs SET state = 'running', lease_owner = 'dead', lease_expires_at_us = 1, attempts = $2 WHERE id = $1";
    INSERT_ENDED = "INSERT INTO jobs (kind, payload_version, payload, priority, state, not_before_us, attempts, \
        created_at_us, started_at_us, finished_at_us) VALUES ('work', 1, 'null', 100, $1, 0, 1, 0, 0, 0)";
}

/// Waits until something is so; gives up after a minute. It looks often and not without a pause, which would keep those whom it waits for
/// from a small machine's cores.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("it did not come about within a minute");
}

pub(crate) async fn show(db: &Db, id: i64) -> Job {
    db.read(move |tx| Box::pin(jobs::show(tx, id))).await.unwrap().unwrap()
}

pub(crate) async fn due_now(db: &Db, id: i64) {
    run(db, &DUE_NOW, vec![id.into()]).await;
}

async fn enqueue(db: &Db, job: NewJob) -> i64 {
    let job = Arc::new(job);
    db.write(move |tx| {
        let job = Arc::clone(&job);
        Box::pin(async move { jobs::enqueue(tx, &job).await })
    })
    .await
    .unwrap()
}

async fn all(db: &Db, state: Option<State>) -> Vec<Job> {
    let filter = Filter { kind: None, state };
    db.read(move |tx| Box::pin(async move { jobs::list(tx, &filter, None, 1000).await })).await.unwrap()
}

fn work(payload: u32) -> NewJob {
    NewJob::new(WORK, &payload).unwrap()
}

fn keyed(key: &str) -> NewJob {
    work(0).key(key).unwrap()
}

/// A runner whose handler is `body`, and which looks for jobs at once.
fn runner<F, B>(db: &Db, body: F) -> Runner
where
    F: Fn(Context) -> B + Send + Sync + 'static,
    B: Future<Output = Result<Outcome, JobError>> + Send + 'static,
{
    Runner::new(db.clone(), "hub").handler(WORK, move |context| -> BoxFuture<'static, _> { Box::pin(body(context)) })
}

async fn run_to_end(db: &Db, runner: Runner, job: i64) -> Job {
    let handle = runner.start();
    eventually(async || !matches!(show(db, job).await.state, State::Pending | State::Running)).await;
    handle.drain(LONG).await;
    show(db, job).await
}

#[test]
fn delays_double_up_to_their_limit() {
    let cases = [(0, 5), (1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (12, 3600), (u32::MAX, 3600)];
    for (attempt, seconds) in cases {
        assert_eq!(backoff(attempt), Duration::from_secs(seconds), "attempt {attempt}");
    }
    assert_eq!((backoff(1), backoff(99)), (BACKOFF_FIRST, BACKOFF_MAX));
}

#[test]
fn keys_and_payloads_are_bounded() {
    for (length, fits) in [(KEY_BYTES_MAX - 1, true), (KEY_BYTES_MAX, true), (KEY_BYTES_MAX + 1, false)] {
        assert_eq!(work(0).key(&"k".repeat(length)).is_ok(), fits);
        if !fits {
            let error = work(0).key(&"k".repeat(length)).unwrap_err();
            assert_snapshot!(error, @"deduplication key of a job `work` has 513 bytes, the limit is 512");
        }
    }
    for (length, fits) in [(PAYLOAD_BYTES_MAX - 1, true), (PAYLOAD_BYTES_MAX, true), (PAYLOAD_BYTES_MAX + 1, false)] {
        assert_eq!(NewJob::new(WORK, &"p".repeat(length - 2)).is_ok(), fits);
    }
}

testkit::on_both_databases! {
    async fn a_job_runs_once_with_its_payload(database: Database) {
        let db = open(&database).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let runner = runner(&db, move |context| {
            let sender = sender.clone();
            async move {
                context.progress("half way");
                sender.send((context.id(), context.attempt(), context.payload::<u32>()?)).unwrap();
                Ok(Outcome::Done)
            }
        });
        let id = enqueue(&db, work(7)).await;
        let job = run_to_end(&db, runner, id).await;
        assert_eq!(receiver.recv().await, Some((id, 1, 7)));
        assert!(receiver.try_recv().is_err());
        assert_eq!((job.state, job.attempts, job.lease_owner, job.error), (State::Done, 1, None, None));
        assert_eq!(job.progress.as_deref(), Some("half way"));
        assert!(job.finished_at_us >= job.started_at_us);
    }

    async fn a_key_is_pending_once_and_due_at_the_earlier_time(database: Database) {
        let db = open(&database).await;
        let first = enqueue(&db, keyed("a").after(LONG)).await;
        let due = show(&db, first).await.not_before_us;
        assert_eq!(enqueue(&db, keyed("a").after(2 * LONG)).await, first);
        assert_eq!(show(&db, first).await.not_before_us, due);
        assert_eq!(enqueue(&db, keyed("a")).await, first);
        let hastened = show(&db, first).await.not_before_us;
        assert!(hastened < due);
        assert_ne!(enqueue(&db, keyed("b")).await, first);
        assert_ne!(enqueue(&db, work(0)).await, enqueue(&db, work(0)).await);
        // One that has failed keeps its delay.
        run(&db, &SET_ATTEMPTS, vec![first.into(), 1.into()]).await;
        let later = hastened + 60_000_000;
        run(&db, &DELAY, vec![first.into(), later.into()]).await;
        assert_eq!(enqueue(&db, keyed("a")).await, first);
        assert_eq!(show(&db, first).await.not_before_us, later);
    }

    async fn two_runners_never_run_one_job_or_key_at_once(database: Database) {
        let db = open(&database).await;
        let running = Arc::new(Mutex::new(BTreeMap::<u32, u32>::new()));
        let runs = Arc::new(AtomicU32::new(0));
        let make = || {
            let (running, runs) = (Arc::clone(&running), Arc::clone(&runs));
            runner(&db, move |context| {
                let (running, runs) = (Arc::clone(&running), Arc::clone(&runs));
                async move {
                    let payload = context.payload::<u32>()?;
                    let before = running.lock().unwrap().insert(payload, 1);
                    assert_eq!(before, None, "payload {payload} runs twice");
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                    running.lock().unwrap().remove(&payload);
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok(Outcome::Done)
                }
            })
        };
        for number in 0..30 {
            enqueue(&db, work(number)).await;
        }
        let handles = [make().start(), make().start()];
        eventually(async || {
            // A new job of a key whose job may be running.
            enqueue(&db, work(1000).key("same").unwrap()).await;
            runs.load(Ordering::SeqCst) >= 60
        })
        .await;
        for handle in handles {
            handle.drain(LONG).await;
        }
        let jobs = all(&db, None).await;
        assert!(jobs.iter().all(|job| job.error.is_none() && job.attempts <= 1), "{jobs:#?}");
        assert!(jobs.iter().filter(|job| job.key.is_none()).all(|job| job.state == State::Done));
    }

    async fn an_expired_lease_is_taken_and_the_late_commit_is_refused(database: Database) {
        let db = open(&database).await;
        let (started, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let slow = {
            let (started, resume) = (Arc::clone(&started), Arc::clone(&resume));
            runner(&db, move |context| {
                let (started, resume, sender) = (Arc::clone(&started), Arc::clone(&resume), sender.clone());
                async move {
                    started.notify_one();
                    resume.notified().await;
                    let late: Result<(), JobError> = context.commit(|_| Box::pin(async { Ok(()) })).await;
                    sender.send(matches!(late, Err(JobError::LeaseLost(LeaseLost)))).unwrap();
                    late.map(|()| Outcome::Done)
                }
            })
        };
        let id = enqueue(&db, work(0)).await;
        // With room for one job, so that it does not take the expired one itself; it renews no lease before the test is over, or it would be
        // told that it lost it, and dropped where it waits.
        let slow = slow.concurrency(1).lease(60 * LONG).start();
        started.notified().await;
        assert_eq!(run(&db, &EXPIRE, vec![id.into()]).await, 1);
        let job = run_to_end(&db, runner(&db, |_| async { Ok(Outcome::Done) }), id).await;
        assert_eq!((job.state, job.attempts), (State::Done, 2));
        resume.notify_one();
        assert_eq!(receiver.recv().await, Some(true));
        slow.drain(LONG).await;
        assert_eq!(show(&db, id).await, job);
    }

    async fn a_canceled_job_is_told_and_commits_nothing(database: Database) {
        let db = open(&database).await;
        let started = Arc::new(Notify::new());
        let runner = {
            let started = Arc::clone(&started);
            runner(&db, move |context| {
                let started = Arc::clone(&started);
                async move {
                    started.notify_one();
                    context.canceled().await;
                    assert!(context.is_canceled());
                    context.commit(|_| Box::pin(async { Ok::<_, JobError>(Outcome::Done) })).await
                }
            })
        };
        let id = enqueue(&db, work(0)).await;
        let handle = runner.lease(Duration::from_secs(1)).start();
        started.notified().await;
        let cancel = async || db.write(move |tx| Box::pin(jobs::cancel(tx, id))).await.unwrap();
        assert_eq!(cancel().await, Canceled::Done);
        handle.drain(LONG).await;
        let job = show(&db, id).await;
        assert_eq!((job.state, job.lease_owner), (State::Canceled, None));
        assert_eq!(cancel().await, Canceled::AlreadyEnded);
        assert_eq!(db.write(|tx| Box::pin(jobs::cancel(tx, 999))).await.unwrap(), Canceled::Unknown);
    }

    async fn a_lease_is_renewed_while_the_handler_works(database: Database) {
        let db = open(&database).await;
        let resume = Arc::new(Notify::new());
        let runner = {
            let resume = Arc::clone(&resume);
            runner(&db, move |context| {
                let resume = Arc::clone(&resume);
                async move {
                    context.progress("waiting");
                    resume.notified().await;
                    Ok(Outcome::Done)
                }
            })
        };
        let id = enqueue(&db, work(0)).await;
        let handle = runner.lease(Duration::from_secs(15)).start();
        eventually(async || show(&db, id).await.state == State::Running).await;
        let first = show(&db, id).await.lease_expires_at_us;
        eventually(async || show(&db, id).await.lease_expires_at_us > first).await;
        assert_eq!(show(&db, id).await.progress.as_deref(), Some("waiting"));
        resume.notify_one();
        handle.drain(LONG).await;
        assert_eq!(show(&db, id).await.state, State::Done);
    }

    async fn a_failed_attempt_waits_and_the_last_one_ends_the_job(database: Database) {
        let db = open(&database).await;
        let runner = Runner::new(db.clone(), "hub").handler(TWICE, |_| {
            Box::pin(async {
                let source = "x".parse::<u32>().unwrap_err();
                Err(JobError::retry(&source))
            })
        });
        let id = enqueue(&db, NewJob::new(TWICE, &()).unwrap()).await;
        let notifier = runner.notifier();
        let handle = runner.start();
        // By one look: the second attempt comes by itself.
        let mut job = show(&db, id).await;
        eventually(async || {
            job = show(&db, id).await;
            job.error.is_some()
        })
        .await;
        assert_eq!((job.state, job.attempts, job.lease_owner), (State::Pending, 1, None));
        assert_eq!(job.error.as_deref(), Some("invalid digit found in string"));
        let delay_us = job.not_before_us - job.started_at_us.unwrap();
        assert!(delay_us >= 5_000_000, "{delay_us}");
        due_now(&db, id).await;
        notifier.notify();
        eventually(async || show(&db, id).await.state == State::Failed).await;
        handle.drain(LONG).await;
        let job = show(&db, id).await;
        assert_eq!((job.attempts, job.error.as_deref()), (2, Some("invalid digit found in string")));
    }

    async fn what_cannot_succeed_fails_at_once(database: Database) {
        let db = open(&database).await;
        let body = |context: Context| async move {
            match context.payload::<u32>()? {
                0 => Err(JobError::Permanent("no such repository".into())),
                _ => Ok(Outcome::Done),
            }
        };
        let permanent = enqueue(&db, work(0)).await;
        let unreadable = enqueue(&db, NewJob::new(WORK, &"text").unwrap()).await;
        let version = enqueue(&db, work(1)).await;
        run(&db, &SET_VERSION, vec![version.into(), 2.into()]).await;
        let dead = enqueue(&db, work(1)).await;
        run(&db, &DIE, vec![dead.into(), 12.into()]).await;
        let last = enqueue(&db, work(1)).await;
        run(&db, &DIE, vec![last.into(), 11.into()]).await;
        let handle = runner(&db, body).start();
        eventually(async || all(&db, Some(State::Pending)).await.len() + all(&db, Some(State::Running)).await.len() == 0)
            .await;
        handle.drain(LONG).await;
        for (id, state, error) in [
            (permanent, State::Failed, Some("no such repository")),
            (unreadable, State::Failed, Some("invalid type: string \"text\", expected u32 at line 1 column 6")),
            (version, State::Failed, Some("payload version 2 is not the one this program knows, 1")),
            (dead, State::Failed, Some("its runner died in the last of 12 attempts")),
            (last, State::Done, None),
        ] {
            let job = show(&db, id).await;
            assert_eq!((job.state, job.error.as_deref()), (state, error));
        }
    }

    async fn a_panic_is_a_failed_attempt(database: Database) {
        let db = open(&database).await;
        let id = enqueue(&db, work(0)).await;
        let other = enqueue(&db, work(1)).await;
        let runner = runner(&db, |context| async move {
            assert!(context.payload::<u32>()? == 1, "a panic on purpose");
            Ok(Outcome::Done)
        });
        assert_eq!(run_to_end(&db, runner, other).await.state, State::Done);
        let job = show(&db, id).await;
        assert_eq!((job.state, job.error.as_deref()), (State::Pending, Some("the job's handler panicked")));
    }

    async fn a_job_goes_on_in_steps(database: Database) {
        let db = open(&database).await;
        let steps = Arc::new(AtomicU32::new(0));
        let runner = {
            let steps = Arc::clone(&steps);
            runner(&db, move |context| {
                let step = steps.fetch_add(1, Ordering::SeqCst);
                async move {
                    assert_eq!(context.attempt(), 1);
                    Ok(if step < 3 { Outcome::Again(Duration::ZERO) } else { Outcome::Done })
                }
            })
        };
        let id = enqueue(&db, keyed("steps")).await;
        assert_eq!(run_to_end(&db, runner, id).await.state, State::Done);
        assert_eq!((steps.load(Ordering::SeqCst), all(&db, None).await.len()), (4, 1));
    }

    /// One that waits to go on has not failed: who orders it once more need not wait.
    async fn a_job_that_waits_for_its_next_step_is_hastened(database: Database) {
        let db = open(&database).await;
        let runs = Arc::new(AtomicU32::new(0));
        let runner = {
            let runs = Arc::clone(&runs);
            runner(&db, move |_| {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                async move { Ok(if run == 0 { Outcome::Again(LONG) } else { Outcome::Done }) }
            })
        };
        let id = enqueue(&db, keyed("k")).await;
        let handle = runner.start();
        // The count first: the job that has not run yet is pending too.
        eventually(async || runs.load(Ordering::SeqCst) == 1 && show(&db, id).await.state == State::Pending).await;
        assert_eq!(enqueue(&db, keyed("k")).await, id);
        eventually(async || show(&db, id).await.state == State::Done).await;
        handle.drain(LONG).await;
    }

    /// A job that would go on leaves that to one with its key that waits already.
    async fn a_step_yields_to_the_job_that_waits(database: Database) {
        let db = open(&database).await;
        let gate = Arc::new(Semaphore::new(0));
        let runs = Arc::new(AtomicU32::new(0));
        let runner = {
            let (gate, runs) = (Arc::clone(&gate), Arc::clone(&runs));
            runner(&db, move |_| {
                let (gate, run) = (Arc::clone(&gate), runs.fetch_add(1, Ordering::SeqCst));
                async move {
                    gate.acquire().await.unwrap().forget();
                    Ok(if run == 0 { Outcome::Again(Duration::ZERO) } else { Outcome::Done })
                }
            })
        };
        let first = enqueue(&db, keyed("k")).await;
        let handle = runner.start();
        eventually(async || show(&db, first).await.state == State::Running).await;
        let second = enqueue(&db, keyed("k").after(LONG)).await;
        assert_ne!(first, second);
        gate.add_permits(2);
        eventually(async || show(&db, second).await.state == State::Done).await;
        handle.drain(LONG).await;
        assert_eq!((show(&db, first).await.state, runs.load(Ordering::SeqCst)), (State::Done, 2));
    }

    async fn draining_waits_for_the_running_and_takes_no_more(database: Database) {
        let db = open(&database).await;
        let (started, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let runner = {
            let (started, resume) = (Arc::clone(&started), Arc::clone(&resume));
            runner(&db, move |_| {
                let (started, resume) = (Arc::clone(&started), Arc::clone(&resume));
                async move {
                    started.notify_one();
                    resume.notified().await;
                    Ok(Outcome::Done)
                }
            })
        };
        let first = enqueue(&db, work(0)).await;
        let handle = runner.concurrency(1).start();
        started.notified().await;
        let second = enqueue(&db, work(1)).await;
        // The drain begins first: it is polled before the job is told to go on.
        tokio::join!(biased; handle.drain(LONG), async { resume.notify_one() });
        assert_eq!(show(&db, first).await.state, State::Done);
        assert_eq!(show(&db, second).await.state, State::Pending);
    }

    async fn a_limited_kind_leaves_places_to_others(database: Database) {
        let db = open(&database).await;
        let (begun, at_once) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (most, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let runner = {
            let (begun, at_once, most, gate) =
                (Arc::clone(&begun), Arc::clone(&at_once), Arc::clone(&most), Arc::clone(&gate));
            Runner::new(db.clone(), "hub").limited_handler(WORK, 2, move |_| {
                let (begun, at_once, most, gate) =
                    (Arc::clone(&begun), Arc::clone(&at_once), Arc::clone(&most), Arc::clone(&gate));
                Box::pin(async move {
                    begun.fetch_add(1, Ordering::SeqCst);
                    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    Ok(Outcome::Done)
                })
            })
        };
        let mut long = Vec::new();
        for payload in 0..5 {
            long.push(enqueue(&db, work(payload)).await);
        }
        let runner = runner.handler(OTHER, |_| -> BoxFuture<'static, _> { Box::pin(async { Ok(Outcome::Done) }) });
        let handle = runner.concurrency(3).start();
        eventually(async || begun.load(Ordering::SeqCst) == 2).await;
        // Three fit at once, two of the kind are the most: another kind finds a place.
        let other = enqueue(&db, NewJob::new(OTHER, &0).unwrap()).await;
        eventually(async || show(&db, other).await.state == State::Done).await;
        assert_eq!(begun.load(Ordering::SeqCst), 2);
        gate.add_permits(long.len());
        for id in long {
            eventually(async || show(&db, id).await.state == State::Done).await;
        }
        handle.drain(LONG).await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    async fn draining_without_patience_puts_jobs_back(database: Database) {
        let db = open(&database).await;
        let started = Arc::new(Notify::new());
        let runner = {
            let started = Arc::clone(&started);
            runner(&db, move |_| {
                let started = Arc::clone(&started);
                async move {
                    started.notify_one();
                    std::future::pending().await
                }
            })
        };
        let id = enqueue(&db, keyed("k")).await;
        let handle = runner.start();
        started.notified().await;
        handle.drain(Duration::ZERO).await;
        let job = show(&db, id).await;
        assert_eq!((job.state, job.attempts, job.lease_owner), (State::Pending, 0, None));
    }

    async fn a_schedule_keeps_one_job_waiting_across_restarts(database: Database) {
        let db = open(&database).await;
        let make = || runner(&db, |_| async { Ok(Outcome::Done) }).schedule(WORK, Duration::from_hours(1));
        let handle = make().start();
        let next = async || all(&db, Some(State::Pending)).await;
        eventually(async || all(&db, Some(State::Done)).await.len() == 1 && next().await.len() == 1).await;
        handle.drain(LONG).await;
        let done = all(&db, Some(State::Done)).await.remove(0);
        let waiting = next().await.remove(0);
        assert_eq!(waiting.not_before_us - done.started_at_us.unwrap(), 3_600_000_000);
        // A restart neither runs it early nor makes another.
        let restarted = make().start();
        let marker = enqueue(&db, work(1)).await;
        eventually(async || show(&db, marker).await.state == State::Done).await;
        restarted.drain(LONG).await;
        assert_eq!(next().await, [waiting]);
        // A shorter interval counts from the next start on.
        let shorter = runner(&db, |_| async { Ok(Outcome::Done) }).schedule(WORK, Duration::from_mins(1)).start();
        eventually(async || next().await[0].not_before_us == done.started_at_us.unwrap() + 60_000_000).await;
        shorter.drain(LONG).await;
    }

    async fn ended_jobs_are_kept_up_to_a_number(database: Database) {
        let db = open(&database).await;
        let kept = usize::try_from(FINISHED_KEPT).unwrap();
        for number in 0..kept + 3 {
            run(&db, &INSERT_ENDED, vec![["done", "failed", "canceled"][number % 3].into()]).await;
        }
        let waiting = enqueue(&db, work(0).after(LONG)).await;
        let handle = runner(&db, |_| async { Ok(Outcome::Done) }).start();
        eventually(async || all(&db, None).await.len() == kept + 1).await;
        handle.drain(LONG).await;
        let jobs = all(&db, None).await;
        assert_eq!((jobs[0].id, jobs.last().map(|job| job.id)), (waiting, Some(4)));
    }

    async fn an_operator_lists_and_retries(database: Database) {
        let db = open(&database).await;
        let first = enqueue(&db, keyed("k")).await;
        let other = enqueue(&db, NewJob::single(OTHER).after(LONG)).await;
        let list = async |kind: Option<&str>, state, before, limit| -> Vec<i64> {
            let filter = Filter { kind: kind.map(str::to_owned), state };
            let jobs = db.read(move |tx| Box::pin(async move { jobs::list(tx, &filter, before, limit).await })).await;
            jobs.unwrap().iter().map(|job| job.id).collect()
        };
        assert_eq!(list(None, None, None, 10).await, [other, first]);
        assert_eq!(list(None, None, None, 1).await, [other]);
        assert_eq!(list(None, None, Some(other), 10).await, [first]);
        assert_eq!(list(Some("other"), None, None, 10).await, [other]);
        assert_eq!(list(None, Some(State::Done), None, 10).await, Vec::<i64>::new());
        let retry = async |id| db.write(move |tx| Box::pin(jobs::retry(tx, id))).await.unwrap();
        assert_eq!(retry(999).await, Retried::Unknown);
        assert_eq!(retry(other).await, Retried::Done, "it waited");
        assert_eq!(retry(other).await, Retried::NotNeeded, "it is due");
        db.write(move |tx| Box::pin(jobs::cancel(tx, first))).await.unwrap();
        let second = enqueue(&db, keyed("k")).await;
        assert_eq!(retry(first).await, Retried::NotNeeded, "its key waits");
        db.write(move |tx| Box::pin(jobs::cancel(tx, second))).await.unwrap();
        assert_eq!(retry(first).await, Retried::Done);
        assert_eq!(show(&db, first).await.state, State::Pending);
    }
}
