//! Many clients doing the same thing, timed one by one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::http::Connection;

/// What a load gave.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Runs `count` operations over `clients` connections as fast as they go.
pub(crate) fn run(
    address: SocketAddr,
    authorization: &str,
    clients: usize,
    count: usize,
    operation: impl Fn(&mut Connection, usize) -> Result<()> + Sync,
) -> Result<Outcome> {
    let (next, ready) = (AtomicUsize::new(0), Barrier::new(clients + 1));
    let (times, failure) = (Mutex::new(Vec::with_capacity(count)), Mutex::new(None::<anyhow::Error>));
    let elapsed = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(|| {
                    let opened = Connection::open(address, authorization);
                    ready.wait();
                    let outcome = opened.and_then(|mut connection| {
                        let mut own = Vec::new();
                        loop {
                            let index = next.fetch_add(1, Ordering::Relaxed);
                            if index >= count {
                                return Ok(own);
                            }
                            let begin = Instant::now();
                            operation(&mut connection, index)?;
                            own.push(begin.elapsed());
                        }
                    });
                    match outcome {
                        Ok(own) => times.lock().unwrap_or_else(PoisonError::into_inner).extend(own),
                        Err(error) => *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
                    }
                })
            })
            .collect();
        ready.wait();
        let begin = Instant::now();
        for handle in handles {
            let _ = handle.join();
        }
        begin.elapsed()
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    summarize(times.into_inner().unwrap_or_else(PoisonError::into_inner), elapsed)
}

/// Says what the times of all operations amount to.
pub(crate) fn summarize(mut times: Vec<Duration>, elapsed: Duration) -> Result<Outcome> {
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied();
    let (Some(p50), Some(p99)) = (at(50), at(99)) else { return Err(anyhow!("nothing was measured")) };
    Ok(Outcome { per_second: times.len() as f64 / elapsed.as_secs_f64(), p50, p99 })
}
