//! Work that computes, on threads that give way to those that answer requests.

use tokio::sync::oneshot;

/// How far such a thread stands back: against one that answers it gets a tenth of a core, and all that is left over. Less would let a
/// busy hub never come to its inventories.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// The work panicked, or there was no thread for it.
#[derive(Debug)]
pub struct Lost;

/// Runs work on a thread of its own. How much runs at once is for the caller to bound: jobs are, by their number.
///
/// Not on tokio's threads for what blocks: they serve requests too, and a thread that stood back may not step forward again.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Lost> {
    aside_leaving(move || (work(), ())).await
}

/// As [`aside`]; what the work leaves beside its answer is given back to memory there, once the answer is on its way: a large inventory
/// is hundreds of thousands of texts.
pub async fn aside_leaving<T: Send + 'static, L>(work: impl FnOnce() -> (T, L) + Send + 'static) -> Result<T, Lost> {
    let (answer, answered) = oneshot::channel();
    let thread = std::thread::Builder::new().name("aside".to_owned()).spawn(move || {
        stand_back();
        let (answered, left) = work();
        // Nobody waits for an answer once the hub stops.
        let _ = answer.send(answered);
        drop(left);
    });
    thread.map_err(|_| Lost)?;
    answered.await.map_err(|_| Lost)
}

/// Linux has a niceness for each thread; elsewhere it is the whole process's.
fn stand_back() {
    #[cfg(target_os = "linux")]
    // Where that is refused, the work is done all the same.
    let _ = rustix::process::nice(NICENESS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_aside_answers_and_a_panic_is_told() {
        assert_eq!(aside(|| 7).await.unwrap(), 7);
        assert!(aside(|| panic!("as it may")).await.map(|(): ()| ()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_thread_aside_stands_back() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        assert_eq!(aside(niceness).await.unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
