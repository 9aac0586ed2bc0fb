use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::content::Spill;

/// What reading may take: of all layers that it is given for, and of all threads that read them.
///
/// Memory is counted for everything that stays until the layers are folded: paths, folders, links, whiteouts, what is kept of files, what is reported.
/// More than the allowance is an error, whichever layer comes first. Of temporary files no more are open together than the allowance has room for:
/// who wants another one waits, since which of two files would be left out would depend on the order of threads.
#[derive(Debug)]
pub struct Allowance {
    memory_bytes_max: u64,
    memory_bytes: AtomicU64,
    spill: Spill,
    spilled_bytes_max: u64,
    spilled_bytes: Mutex<u64>,
    closed: Condvar,
}

/// More memory than the allowance.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error("the paths and the files to look into need more than {limit} bytes of memory")]
pub struct TooMuchMemory {
    /// The allowance, in bytes.
    pub limit: u64,
}

impl Allowance {
    /// The memory where nobody sets another: the largest images in use have a million paths and keep some 60 MiB of files, which takes a tenth.
    pub const MEMORY_BYTES_MAX: u64 = 1 << 30;

    /// The most bytes of all temporary files that are open together: as many as two of the largest files that any cataloger reads.
    pub const SPILLED_BYTES_MAX: u64 = 8 << 30;

    /// Makes an allowance with the limits above. `spill` makes a file without a name, for what does not fit into memory.
    pub fn new(spill: Spill) -> Self {
        Self {
            memory_bytes_max: Self::MEMORY_BYTES_MAX,
            memory_bytes: AtomicU64::new(0),
            spill,
            spilled_bytes_max: Self::SPILLED_BYTES_MAX,
            spilled_bytes: Mutex::new(0),
            closed: Condvar::new(),
        }
    }

    /// Allows so much memory instead.
    #[must_use]
    pub fn memory_bytes_max(mut self, bytes: u64) -> Self {
        self.memory_bytes_max = bytes;
        self
    }

    /// Takes memory, for instance for the record of a layer that was read at another time.
    ///
    /// # Errors
    /// When that is more than there is; it stays so.
    pub fn take(&self, bytes: u64) -> Result<(), TooMuchMemory> {
        let taken = self.memory_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.check(taken)
    }

    /// Gives back memory that was taken and is no longer used.
    pub(crate) fn give_back(&self, bytes: u64) {
        self.memory_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns whether so much may still be taken, without taking it.
    pub(crate) fn admit(&self, bytes: u64) -> Result<(), TooMuchMemory> {
        self.check(self.memory_bytes.load(Ordering::Relaxed).saturating_add(bytes))
    }

    fn check(&self, bytes: u64) -> Result<(), TooMuchMemory> {
        if bytes > self.memory_bytes_max { Err(TooMuchMemory { limit: self.memory_bytes_max }) } else { Ok(()) }
    }

    #[cfg(test)]
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn spill(&self) -> Spill {
        self.spill
    }

    /// Waits until there is room for a temporary file, and takes it. A file that is larger than all room waits until it is the only one.
    pub(crate) fn room(&self, bytes: u64) -> Room<'_> {
        let bytes = bytes.min(self.spilled_bytes_max);
        let mut spilled = self.spilled();
        while *spilled + bytes > self.spilled_bytes_max {
            spilled = self.closed.wait(spilled).unwrap_or_else(PoisonError::into_inner);
        }
        *spilled += bytes;
        Room { allowance: self, bytes }
    }

    fn spilled(&self) -> MutexGuard<'_, u64> {
        self.spilled_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The room of one temporary file; given back when the file is closed.
pub(crate) struct Room<'a> {
    allowance: &'a Allowance,
    bytes: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        *self.allowance.spilled() -= self.bytes;
        self.allowance.closed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn allowance(memory_bytes_max: u64, spilled_bytes_max: u64) -> Allowance {
        let allowance = Allowance::new(|| unreachable!("nothing is spilled")).memory_bytes_max(memory_bytes_max);
        Allowance { spilled_bytes_max, ..allowance }
    }

    #[test]
    fn memory_ends_at_the_allowance() {
        for (first, second, is_enough) in
            [(4, 5, true), (5, 5, true), (5, 6, false), (11, 0, false), (5, u64::MAX, false)]
        {
            let allowance = allowance(10, 0);
            let first = allowance.take(first);
            let admitted = first.and_then(|()| allowance.admit(second));
            let taken = first.and_then(|()| allowance.take(second));
            assert_eq!((admitted, taken), (taken, if is_enough { Ok(()) } else { Err(TooMuchMemory { limit: 10 }) }));
        }
    }

    #[test]
    fn files_wait_for_room_that_others_have() {
        for (held, wanted, waits) in [(4, 5, false), (5, 5, false), (5, 6, true), (1, 11, true), (0, 11, false)] {
            let allowance = allowance(0, 10);
            let held = allowance.room(held);
            thread::scope(|scope| {
                let (sender, receiver) = mpsc::channel();
                let allowance = &allowance;
                scope.spawn(move || {
                    let room = allowance.room(wanted);
                    let _ = sender.send(room.bytes);
                });
                // What waits is not there before the other is closed; what does not wait is there without that.
                let early = if waits { receiver.try_recv().ok() } else { receiver.recv().ok() };
                drop(held);
                let late = if waits { receiver.recv().ok() } else { None };
                assert_eq!((early, late.or(early)), ((!waits).then_some(wanted.min(10)), Some(wanted.min(10))));
            });
            assert_eq!(*allowance.spilled(), 0);
        }
    }
}
