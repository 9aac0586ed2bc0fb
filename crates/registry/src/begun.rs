//! Uploads that have begun and hold nothing yet.
//!
//! With SQLite this process is the only one, so that an upload becomes a row only with its first bytes: a client that
//! sends its blob in two requests then waits for the disk in the second alone. What is forgotten when the process is
//! killed was never acknowledged to hold a byte, and the client is told to begin again; a process that stops in order
//! leaves rows. With PostgreSQL the second request may reach another hub, and an upload is a row from the start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blobs::UploadId;
use oci::{Algorithm, RepositoryName};

use crate::limits::BEGUN_UPLOADS_MAX;
use crate::repositories::RepositoryId;

/// When uploads expire whose repository was deleted.
const ENDED: i64 = 0;

/// Those of one process.
#[derive(Clone, Default)]
pub(crate) struct Begun(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    by_actor: HashMap<String, HashMap<UploadId, BegunUpload>>,
    count: usize,
}

/// An upload that holds nothing.
#[derive(Clone, Debug)]
pub(crate) struct BegunUpload {
    pub(crate) name: RepositoryName,
    pub(crate) repository: RepositoryId,
    pub(crate) algorithm: Algorithm,
    pub(crate) started_at_us: i64,
    pub(crate) expires_at_us: i64,
    /// Whether bytes have been sent that were not acknowledged: there may be a file, and a row whose commit was in doubt.
    pub(crate) is_touched: bool,
}

/// Why an upload is not kept here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// The actor has as many uploads as it may have.
    TooMany,
    /// There is no room; a row is to be made.
    NoRoom,
}

impl Begun {
    /// Keeps an upload of an actor that has `rows` others and may have `limit` in all.
    pub(crate) fn add(
        &self,
        actor: &str,
        id: UploadId,
        upload: BegunUpload,
        rows: u64,
        limit: u64,
    ) -> Result<(), Refused> {
        let mut held = self.held();
        let own = held.by_actor.get(actor).map_or(0, HashMap::len);
        if rows + own as u64 >= limit {
            return Err(Refused::TooMany);
        }
        if held.count >= BEGUN_UPLOADS_MAX {
            return Err(Refused::NoRoom);
        }
        held.count += 1;
        held.by_actor.entry(actor.to_owned()).or_default().insert(id, upload);
        Ok(())
    }

    /// Returns an actor's upload to a repository, unless that was deleted.
    pub(crate) fn find(&self, actor: &str, name: &RepositoryName, id: UploadId) -> Option<BegunUpload> {
        let held = self.held();
        let upload = held.by_actor.get(actor)?.get(&id)?;
        (upload.name == *name && upload.expires_at_us != ENDED).then(|| upload.clone())
    }

    /// Returns how many an actor has.
    pub(crate) fn count_of(&self, actor: &str) -> u64 {
        self.held().by_actor.get(actor).map_or(0, HashMap::len) as u64
    }

    /// Notes that bytes are about to be sent to an upload.
    pub(crate) fn touch(&self, actor: &str, id: UploadId) {
        if let Some(upload) = self.held().by_actor.get_mut(actor).and_then(|own| own.get_mut(&id)) {
            upload.is_touched = true;
        }
    }

    /// Forgets an upload that is over, or a row.
    pub(crate) fn remove(&self, actor: &str, id: UploadId) {
        let mut held = self.held();
        let Some(own) = held.by_actor.get_mut(actor) else { return };
        if own.remove(&id).is_none() {
            return;
        }
        if own.is_empty() {
            held.by_actor.remove(actor);
        }
        held.count -= 1;
    }

    /// Has the uploads to a repository expire now.
    pub(crate) fn end_all_of(&self, repository: RepositoryId) {
        let mut held = self.held();
        let uploads = held.by_actor.values_mut().flat_map(HashMap::values_mut);
        for upload in uploads.filter(|upload| upload.repository == repository) {
            upload.expires_at_us = ENDED;
        }
    }

    /// Lists the uploads that have expired, and whose they are.
    pub(crate) fn list_expired(&self, now_us: i64) -> Vec<(String, UploadId, BegunUpload)> {
        let mut expired = self.list();
        expired.retain(|(.., upload)| upload.expires_at_us <= now_us);
        expired
    }

    /// Lists all, and whose they are.
    pub(crate) fn list(&self) -> Vec<(String, UploadId, BegunUpload)> {
        let held = self.held();
        let all = held.by_actor.iter().flat_map(|(actor, own)| own.iter().map(move |upload| (actor, upload)));
        all.map(|(actor, (id, upload))| (actor.clone(), *id, upload.clone())).collect()
    }

    /// Lists the repositories that are pushed to.
    pub(crate) fn list_repositories(&self) -> Vec<RepositoryId> {
        self.held().by_actor.values().flat_map(HashMap::values).map(|upload| upload.repository).collect()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(repository: i64) -> BegunUpload {
        BegunUpload {
            name: "team/web".parse().expect("it is a name"),
            repository: RepositoryId(repository),
            algorithm: Algorithm::Sha256,
            started_at_us: 0,
            expires_at_us: 10,
            is_touched: false,
        }
    }

    #[test]
    fn an_actor_has_a_limit_with_its_rows() {
        let check = |rows, begun: usize, expected| {
            let all = Begun::default();
            for _ in 0..begun {
                all.add("ann", UploadId::generate(), upload(1), 0, 100).expect("there is room");
            }
            assert_eq!(all.add("ann", UploadId::generate(), upload(1), rows, 3), expected, "{rows} {begun}");
            assert_eq!(all.add("bob", UploadId::generate(), upload(1), 0, 3), Ok(()));
        };
        check(3, 0, Err(Refused::TooMany));
        check(0, 3, Err(Refused::TooMany));
        check(1, 2, Err(Refused::TooMany));
        check(1, 1, Ok(()));
        check(2, 0, Ok(()));
        check(0, 2, Ok(()));
    }

    #[test]
    fn all_together_have_a_limit() {
        let all = Begun::default();
        let add = |actor: &str| {
            let id = UploadId::generate();
            all.add(actor, id, upload(1), 0, u64::MAX).map(|()| id)
        };
        let first = add("ann").expect("there is room");
        for number in 1..BEGUN_UPLOADS_MAX {
            add(&format!("actor {}", number % 7)).expect("there is room");
        }
        assert_eq!(add("ann"), Err(Refused::NoRoom));
        for _ in 0..2 {
            all.remove("bob", first);
            assert_eq!(add("ann"), Err(Refused::NoRoom), "it is another's");
        }
        all.remove("ann", first);
        all.remove("ann", first);
        assert!(add("ann").is_ok());
        assert_eq!(add("ann"), Err(Refused::NoRoom));
    }

    #[test]
    fn what_has_expired_is_listed() {
        let all = Begun::default();
        let (one, two) = (UploadId::generate(), UploadId::generate());
        all.add("ann", one, upload(1), 0, 9).expect("there is room");
        all.add("ann", two, upload(2), 0, 9).expect("there is room");
        let expired = |now_us| {
            let mut ids: Vec<_> = all.list_expired(now_us).into_iter().map(|(_, id, _)| id).collect();
            ids.sort();
            ids
        };
        assert_eq!(expired(9), []);
        assert_eq!(expired(10), [one, two]);
        all.end_all_of(RepositoryId(2));
        assert_eq!(expired(0), [two]);
        let name: RepositoryName = "team/web".parse().expect("it is a name");
        let found = |actor, name, id| all.find(actor, name, id).is_some();
        assert!(found("ann", &name, one) && !found("ann", &name, two) && !found("bob", &name, one));
        assert!(!found("ann", &"team/api".parse().expect("it is a name"), one));
    }
}
