use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// How long a client may take for the head of a request: what slow-loris attacks stretch.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may run without a byte of it moving in either direction. Long enough for the longest thing a hub does
/// in silence, the second hash of a large blob whose digest was named late.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_mins(15);

/// What a connection is doing, kept without locks by its stream and its requests. Times are milliseconds since the
/// connection was accepted; 0 stands for "not yet".
///
/// With HTTP/1.1 every byte on the socket belongs to a request, and those count. With HTTP/2 they may be frames of the
/// connection, our own pings and their answers among them, which go on for ever: only what requests take and give counts.
#[derive(Debug)]
pub(super) struct Activity {
    accepted: Instant,
    running: AtomicU32,
    http2: AtomicBool,
    left_unread: AtomicBool,
    last_moved_ms: AtomicU64,
    last_ended_ms: AtomicU64,
    head_began_ms: AtomicU64,
}

/// What to do with a connection that has come to a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again then.
    WaitUntil(Duration),
    /// It rests: close it in good order.
    Close,
    /// It is stuck: cut it.
    Cut,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            accepted: Instant::now(),
            running: AtomicU32::new(0),
            http2: AtomicBool::new(false),
            left_unread: AtomicBool::new(false),
            last_moved_ms: AtomicU64::new(0),
            last_ended_ms: AtomicU64::new(0),
            head_began_ms: AtomicU64::new(0),
        })
    }

    pub(super) fn accepted(&self) -> Instant {
        self.accepted
    }

    pub(super) fn received(&self) {
        if self.http2.load(Relaxed) {
            return;
        }
        let now = self.now_ms();
        self.last_moved_ms.store(now, Relaxed);
        if self.running.load(Relaxed) == 0 && self.head_began_ms.load(Relaxed) == 0 {
            self.head_began_ms.store(now, Relaxed);
        }
    }

    pub(super) fn sent(&self) {
        if !self.http2.load(Relaxed) {
            self.progressed();
        }
    }

    /// A request took a piece of its body, or gave one of its response.
    pub(super) fn progressed(&self) {
        self.last_moved_ms.store(self.now_ms(), Relaxed);
    }

    pub(super) fn began(self: &Arc<Self>, http2: bool) -> Running {
        self.running.fetch_add(1, Relaxed);
        self.http2.store(http2, Relaxed);
        self.head_began_ms.store(0, Relaxed);
        self.progressed();
        Running(Arc::clone(self))
    }

    /// A request was answered of which something will stay unread: it is the last of its connection.
    pub(super) fn leaves_unread(&self) {
        self.left_unread.store(true, Relaxed);
    }

    pub(super) fn left_unread(&self) -> bool {
        self.left_unread.load(Relaxed)
    }

    /// Decides what is to happen now.
    pub(super) fn verdict(&self, idle_timeout: Duration) -> Verdict {
        let snapshot = Snapshot {
            now: self.accepted.elapsed(),
            running: self.running.load(Relaxed) > 0,
            last_moved: Duration::from_millis(self.last_moved_ms.load(Relaxed)),
            last_ended: some_ms(&self.last_ended_ms),
            head_began: some_ms(&self.head_began_ms),
        };
        snapshot.verdict(idle_timeout)
    }

    fn now_ms(&self) -> u64 {
        // 0 is taken; a connection does not live for half a billion years.
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

fn some_ms(value: &AtomicU64) -> Option<Duration> {
    Some(value.load(Relaxed)).filter(|ms| *ms > 0).map(Duration::from_millis)
}

/// A request that runs until this is dropped, with the last byte of its response.
#[derive(Debug)]
pub(super) struct Running(Arc<Activity>);

impl Running {
    pub(super) fn progressed(&self) {
        self.0.progressed();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.last_ended_ms.store(self.0.now_ms(), Relaxed);
        self.0.running.fetch_sub(1, Relaxed);
    }
}

#[derive(Clone, Copy, Debug)]
struct Snapshot {
    now: Duration,
    running: bool,
    last_moved: Duration,
    last_ended: Option<Duration>,
    head_began: Option<Duration>,
}

impl Snapshot {
    fn verdict(self, idle_timeout: Duration) -> Verdict {
        let (deadline, then) = match self {
            Self { running: true, last_moved, .. } => (last_moved + STALL_TIMEOUT, Verdict::Cut),
            Self { head_began: Some(began), .. } => (began + HEADER_TIMEOUT, Verdict::Cut),
            Self { last_ended: None, .. } => (HEADER_TIMEOUT, Verdict::Cut),
            // The end of a response may still be on its way to a slow reader.
            Self { last_ended: Some(ended), last_moved, .. } => (ended.max(last_moved) + idle_timeout, Verdict::Close),
        };
        if self.now >= deadline { then } else { Verdict::WaitUntil(deadline) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_deadline() {
        let s = Duration::from_secs;
        let fresh = Snapshot { now: s(0), running: false, last_moved: s(0), last_ended: None, head_began: None };
        let idle = s(75);
        let head = HEADER_TIMEOUT;
        let table = [
            ("silent from the start", fresh, head, Verdict::Cut),
            (
                "a head that does not end",
                Snapshot { head_began: Some(s(3)), last_moved: s(9), ..fresh },
                s(3) + head,
                Verdict::Cut,
            ),
            (
                "a later head that does not end",
                Snapshot { head_began: Some(s(50)), last_ended: Some(s(40)), last_moved: s(55), ..fresh },
                s(50) + head,
                Verdict::Cut,
            ),
            ("at rest", Snapshot { last_ended: Some(s(40)), last_moved: s(40), ..fresh }, s(40) + idle, Verdict::Close),
            (
                "sending its rest",
                Snapshot { last_ended: Some(s(40)), last_moved: s(60), ..fresh },
                s(60) + idle,
                Verdict::Close,
            ),
            (
                "a request that does not move",
                Snapshot { running: true, last_ended: Some(s(1)), last_moved: s(2), head_began: Some(s(1)), ..fresh },
                s(2) + STALL_TIMEOUT,
                Verdict::Cut,
            ),
        ];
        let tick = Duration::from_millis(1);
        for (case, snapshot, deadline, then) in table {
            let at = |now| Snapshot { now, ..snapshot }.verdict(idle);
            assert_eq!(at(deadline.saturating_sub(tick)), Verdict::WaitUntil(deadline), "{case}");
            assert_eq!(at(deadline), then, "{case}");
            assert_eq!(at(deadline + tick), then, "{case}");
        }
    }

    #[test]
    fn frames_between_requests_begin_no_head() {
        let activity = Activity::new();
        activity.received();
        assert!(some_ms(&activity.head_began_ms).is_some());
        drop(activity.began(true));
        activity.received();
        assert!(some_ms(&activity.head_began_ms).is_none());
        drop(activity.began(false));
        activity.received();
        assert!(some_ms(&activity.head_began_ms).is_some());
    }
}
