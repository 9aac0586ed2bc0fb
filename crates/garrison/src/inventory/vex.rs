//! VEX documents that lie beside an image in its registry: as themselves, or as the predicate of an in-toto statement.

use images::{Image, Source as Place};
use oci::{Digest, media_type};

use super::{Reader, registry};
use crate::error::{CommandError, Kind};

impl Reader {
    /// Fetches the VEX documents beside an image. No signature is verified: who may push beside it is believed.
    pub(crate) fn vex_beside(&self, place: &Place) -> Result<Vec<(Digest, Vec<u8>)>, CommandError> {
        let Place::Registry(reference) = place else {
            return Err(CommandError::new(Kind::Usage, "`--vex referrers` is for an image in a registry")
                .hint("name the documents as files: `--vex FILE`"));
        };
        let options = registry::options(reference, &self.access, self.context.as_deref(), &|text| self.note(text))?;
        let image = Image::fetch(reference, options, self.platform.as_ref())?;
        let beside = image.fetch_beside(media_type::is_vex_artifact, vex::DOCUMENT_BYTES_MAX as u64)?;
        Ok(beside
            .into_iter()
            .filter_map(|found| Some((found.digest, vex::enclosed(&found.bytes)?.into_owned())))
            .collect())
    }
}
