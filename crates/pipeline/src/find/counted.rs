//! Images that are counted beside what was found, of those that a caller may read.

use db::{Statement, Value};

use super::Readable;
use crate::pipeline::{Error, Pipeline};

/// How many images are not among what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageCount {
    /// How many they are, each counted in each repository that holds it.
    pub images: u64,
    /// Whether there may be more than were counted.
    pub more: bool,
}

/// What lists images up to a number, which is its last parameter: those of all repositories, and those of some.
pub(super) struct Counting {
    pub(super) all: &'static Statement,
    pub(super) of_some: &'static Statement,
    /// Images that are counted.
    pub(super) most: i64,
}

impl Pipeline {
    /// Counts the images that a statement lists, of those that the caller may read; none where there is none.
    pub(super) async fn count_images_beside(
        &self,
        Counting { all, of_some, most }: Counting,
        mut parameters: Vec<Value>,
        readable: &Readable,
    ) -> Result<Option<ImageCount>, Error> {
        let list: Option<Vec<Value>> = match readable {
            Readable::All => None,
            Readable::Repositories(repositories) => Some(repositories.iter().map(|id| id.number().into()).collect()),
        };
        parameters.push((most + 1).into());
        let rows = self.inner.index.read(move |tx| {
            Box::pin(async move {
                match list {
                    None => tx.query(all, &parameters).await,
                    Some(list) => tx.query_list(of_some, &parameters, &list).await,
                }
            })
        });
        let (found, most) = (rows.await?.len() as u64, most.unsigned_abs());
        Ok((found > 0).then_some(ImageCount { images: found.min(most), more: found > most }))
    }
}
