//! From what is published to what is in use, on every replica.

use std::io::{Seek as _, Write as _};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use feeds::{Acceptance, Fewer, Mapped};
use futures_util::StreamExt as _;
use ledger::jobs::{NewJob, enqueue};
use oci::Digest;
use vulndb::file::Database;

use crate::hub::{Advisories, Error};
use crate::publish::{blocking, repository, temporary};
use crate::update::UPDATE;

/// How often a replica looks whether another has published.
const LOOK_EVERY: Duration = Duration::from_mins(1);

impl Advisories {
    /// Follows what is published, until the future is dropped.
    pub async fn keep_following(&self) {
        if let Err(error) = self.hasten().await {
            self.warn(&error);
        }
        loop {
            let published = self.inner.published.notified();
            if let Err(error) = self.follow().await {
                self.warn(&error);
            }
            tokio::select! {
                () = published => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// A hub that has nothing that it reads, as one that was upgraded to another form of database, does not wait for its day.
    async fn hasten(&self) -> Result<(), Error> {
        if self.inner.options.daily && self.in_use().is_none() && self.published().await?.is_none() {
            let ordered = self
                .inner
                .registry
                .database()
                .write(|tx| Box::pin(async move { enqueue(tx, &NewJob::single(UPDATE)).await.map(drop) }));
            ordered.await.map_err(registry::Error::from)?;
        }
        Ok(())
    }

    /// Takes what is published into use, unless it is, and tells whoever matches.
    ///
    /// # Errors
    /// When it cannot be had or believed, or when whoever matches fails; what was in use stays so in the first case.
    pub async fn follow(&self) -> Result<(), Error> {
        let _one = self.inner.following.lock().await;
        let published = self.published().await?;
        if let Some(artifact) = published
            && self.in_use().is_none_or(|(digest, _)| digest != artifact.database.digest)
        {
            self.bring(artifact.database.blob, artifact.database.digest).await?;
        }
        self.tell().await
    }

    /// Whether it may be older was decided when it was published.
    async fn bring(&self, blob: Digest, digest: String) -> Result<(), Error> {
        let entry = self.inner.registry.find_blob(&repository(), &blob).await?;
        let opened = self.inner.registry.open_blob(&repository(), &entry).await?;
        let mut stream = opened.stream(0..opened.size_bytes());
        let failed = |source| Error::Io { doing: "read the published database of advisories", source };
        let mut file = temporary()?;
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| failed(std::io::Error::other(error)))?;
            file.write_all(&bytes).map_err(failed)?;
        }
        let store = self.inner.options.store.clone();
        let opened = blocking(move || {
            file.rewind().map_err(failed)?;
            store.import(file.as_file(), Some(&digest), Acceptance::Any, Fewer::Any)?;
            Ok(store.open_current()?)
        })
        .await?;
        self.use_opened(opened);
        Ok(())
    }

    /// Takes a database into use that is published next, and gives it back.
    pub(crate) async fn take_into_use(&self, file: Vec<u8>) -> Result<Vec<u8>, Error> {
        let store = self.inner.options.store.clone();
        let (file, opened) = blocking(move || {
            store.import(file.as_slice(), None, Acceptance::Any, Fewer::Any)?;
            Ok((file, store.open_current()?))
        })
        .await?;
        self.use_opened(opened);
        if let Err(error) = self.tell().await {
            // Whoever matches is told again once it is published.
            self.warn(&error);
        }
        Ok(file)
    }

    fn use_opened(&self, (digest, database): (String, Database<Mapped>)) {
        tracing::info!(%digest, "advisories in use");
        *self.inner.current.write().unwrap_or_else(PoisonError::into_inner) = Some((digest, Arc::new(database)));
    }

    async fn tell(&self) -> Result<(), Error> {
        let Some((digest, _)) = self.in_use() else { return Ok(()) };
        let is_told = |told: &Option<String>| told.as_ref() == Some(&digest);
        if is_told(&self.inner.told.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        // A mapping of its own, which lives as long as whoever matches needs it.
        let (digest, database) = self.inner.options.store.open_current()?;
        (self.inner.options.on_database)(digest.clone(), database).await.map_err(Error::Match)?;
        *self.inner.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        Ok(())
    }
}
