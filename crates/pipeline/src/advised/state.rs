//! By what everything is matched.

use db::{Db, Tx};
use findings::{Matched, MatchedState};
use vulndb::matching::MATCHER_VERSION;

use crate::pipeline::{Error, Pipeline};

db::statements! {
    /// By what everything is matched, or is about to be.
    FIND_STATE = "SELECT database_sha256, matcher, step, changed_at_us FROM finding_state WHERE id = 1";
    /// Says by what.
    UPSERT_STATE = "INSERT INTO finding_state (id, database_sha256, matcher, step, changed_at_us) VALUES (1, $1, $2, $3, $4) \
        ON CONFLICT (id) DO UPDATE SET database_sha256 = excluded.database_sha256, matcher = excluded.matcher, \
        step = excluded.step, changed_at_us = excluded.changed_at_us";
    /// Whether a component of an image waits to be matched.
    FIND_WAITING_OF_IMAGE = "SELECT c.id FROM inventory_image_components h JOIN inventory_components c ON c.id = h.component_id \
        WHERE h.image_id = $1 AND c.matched <> 1 LIMIT 1";
    /// Whether any component waits to be matched.
    FIND_WAITING = "SELECT id FROM inventory_components WHERE matched <> 1 LIMIT 1";
}

/// By which database and matcher something is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchState {
    /// The SHA-256 of the database's file, in hexadecimal.
    pub database_sha256: String,
    /// [`MATCHER_VERSION`] of the program that matched.
    pub matcher: u32,
    /// How far it is.
    pub progress: Progress,
    /// Since when it is so, in microseconds since 1970-01-01 UTC.
    pub changed_at_us: i64,
}

/// By what an image is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMatch {
    /// By what everything is, or is about to be.
    pub state: MatchState,
    /// Whether every component of the image is.
    pub is_done: bool,
}

impl ImageMatch {
    /// Returns it as reports tell it.
    pub(crate) fn told(self) -> Option<Matched> {
        Some(Matched {
            database: format!("sha256:{}", self.state.database_sha256),
            matcher: self.state.matcher,
            state: if self.is_done { MatchedState::Done } else { MatchedState::Pending },
            since: jiff::Timestamp::from_microsecond(self.state.changed_at_us).ok()?,
        })
    }
}

/// How far matching by a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// What must be matched again is being found out.
    Marking,
    /// It is being matched.
    Matching,
    /// Everything is.
    Done,
}

impl Progress {
    fn number(self) -> i64 {
        match self {
            Self::Marking => 1,
            Self::Matching => 2,
            Self::Done => 3,
        }
    }

    fn of_number(number: i64) -> Self {
        match number {
            2 => Self::Matching,
            3 => Self::Done,
            _ => Self::Marking,
        }
    }
}

impl MatchState {
    pub(super) fn is_by(&self, database_sha256: &str) -> bool {
        self.database_sha256 == database_sha256 && self.matcher == MATCHER_VERSION
    }
}

pub(super) async fn find(tx: &mut Tx) -> Result<Option<MatchState>, db::Error> {
    let Some(row) = tx.find(&FIND_STATE, &[]).await? else { return Ok(None) };
    Ok(Some(MatchState {
        database_sha256: row.get(0)?,
        matcher: u32::try_from(row.get::<i64>(1)?).unwrap_or(0),
        progress: Progress::of_number(row.get(2)?),
        changed_at_us: row.get(3)?,
    }))
}

pub(super) async fn set(tx: &mut Tx, database_sha256: &str, progress: Progress) -> Result<(), db::Error> {
    let now_us = tx.now_us().await?;
    let parameters =
        [database_sha256.into(), i64::from(MATCHER_VERSION).into(), progress.number().into(), now_us.into()];
    tx.execute(&UPSERT_STATE, &parameters).await?;
    Ok(())
}

/// Tells whether any component waits to be matched.
pub(super) async fn is_waiting(tx: &mut Tx) -> Result<bool, db::Error> {
    Ok(tx.find(&FIND_WAITING, &[]).await?.is_some())
}

/// Whether everything is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// It is.
    Done,
    /// Something came that is not.
    Waiting,
    /// Another database took over.
    Overtaken,
}

/// Says that everything is matched, if it is. In the same transaction nothing can come that is not.
pub(super) async fn finish(index: &Db, database_sha256: &str) -> Result<Finish, db::Error> {
    let sha256 = database_sha256.to_owned();
    index
        .write(move |tx| {
            let sha256 = sha256.clone();
            Box::pin(async move {
                let state = find(tx).await?.filter(|state| state.is_by(&sha256));
                let Some(state) = state else { return Ok(Finish::Overtaken) };
                if is_waiting(tx).await? {
                    return Ok(Finish::Waiting);
                }
                if state.progress != Progress::Done {
                    set(tx, &sha256, Progress::Done).await?;
                }
                Ok::<_, db::Error>(Finish::Done)
            })
        })
        .await
}

impl Pipeline {
    /// Returns by what everything is matched; none before the first time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn match_state(&self) -> Result<Option<MatchState>, Error> {
        Ok(self.inner.index.read(|tx| Box::pin(async move { find(tx).await })).await?)
    }

    /// Returns by what an image is matched, or is about to be; none without an inventory and before the first database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn match_state_of(&self, image: oci::Digest) -> Result<Option<ImageMatch>, Error> {
        let Some(record) = self.find_image(image).await? else { return Ok(None) };
        let found = self.inner.index.read(move |tx| {
            Box::pin(async move {
                let Some(state) = find(tx).await? else { return Ok(None) };
                // Until it is known what waits, everything may.
                let is_done = state.progress != Progress::Marking
                    && tx.find(&FIND_WAITING_OF_IMAGE, &[record.id.into()]).await?.is_none();
                Ok::<_, db::Error>(Some(ImageMatch { state, is_done }))
            })
        });
        Ok(found.await?)
    }
}
