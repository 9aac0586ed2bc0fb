//! What catalogers find before their turn, on two threads.
//!
//! Catalogers take their turns one after the other, each within the room that those before it leave. Here they run at the same time, each thread within a
//! part of the room, so that all together never take more than there is. What is found within it without meeting a limit is what the cataloger finds in its
//! turn, if that has as much room; whatever else is found is thrown away, and found again then. So is the rest once one is run again.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cataloger::Room;
use crate::view::{Paths, Tree, View};
use crate::{Cataloger, Findings, LayerRecord, Matcher};

/// The fewest files that are worth another thread: what is kept of fewer is read before one has begun.
pub(crate) const FILES_MIN: usize = 500;

const THREADS: usize = 2;

/// What a cataloger found, and the room that it takes.
pub(crate) struct Early {
    findings: Findings,
    taken: Room,
}

impl Early {
    /// Returns the findings if they are what the cataloger finds with this much room.
    pub(crate) fn within(self, room: Room) -> Option<(Findings, Room)> {
        self.findings.is_below(self.taken, room).then_some((self.findings, self.taken))
    }
}

/// Runs all catalogers; returns for each what it found, if that met no limit.
pub(crate) fn early(tree: &Tree<'_>, layers: &[&LayerRecord], matcher: &Matcher, room: Room) -> Vec<Option<Early>> {
    let catalogers = matcher.catalogers();
    let next = AtomicUsize::new(0);
    let work = || {
        let paths = Paths::new(layers);
        let mut room = room.part(THREADS);
        let mut found = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(cataloger) = catalogers.get(at) else { return found };
            let (findings, taken) = run(cataloger, &View { tree, paths: &paths, cataloger: at }, room);
            if findings.is_below(taken, room) {
                room = room.without(taken);
                found.push((at, Early { findings, taken }));
            }
        }
    };
    thread::scope(|scope| {
        let others = (1..THREADS).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok());
        let others: Vec<_> = others.collect();
        let mut all: Vec<Option<Early>> = catalogers.iter().map(|_| None).collect();
        let own = work();
        let found = others.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        own.into_iter().chain(found).for_each(|(at, early)| all[at] = Some(early));
        all
    })
}

/// Runs a cataloger within some room; returns also how much it takes.
pub(crate) fn run(cataloger: &Cataloger, view: &View<'_>, room: Room) -> (Findings, Room) {
    let mut findings = Findings::within(room);
    (cataloger.catalog)(view, &mut findings);
    let taken = room.without(findings.room());
    (findings, taken)
}
