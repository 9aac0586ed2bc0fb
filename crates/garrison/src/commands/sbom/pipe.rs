//! What comes through a pipe, which cannot be read twice.

use std::io::Read;
use std::path::Path;

use component::Inventory;
use images::Select;
use sbom::formats::{self, Document};

use super::read_document_from;
use crate::error::CommandError;
use crate::inventory::Reader;

/// What came through a pipe.
pub(crate) enum Piped {
    /// A document of any format.
    Document(Box<Document>),
    /// What is in the image whose archive it was.
    Image(Box<Inventory>),
}

/// Reads a pipe: by its first bytes it is a document, or else an archive of an image. Of a document nothing can be selected.
pub(crate) fn read_pipe(
    reader: &Reader,
    mut pipe: impl Read,
    name: &Path,
    select: &Select,
) -> Result<Piped, CommandError> {
    let mut head = Vec::new();
    let read = pipe.by_ref().take(formats::START_BYTES).read_to_end(&mut head);
    read.map_err(|source| CommandError::environment(format!("failed to read `{}`", name.display()), source))?;
    let is_document = *select == Select::Any && formats::may_be_document(&formats::start_of(&head));
    let whole = head.as_slice().chain(pipe);
    Ok(if is_document {
        Piped::Document(Box::new(read_document_from(&name.display().to_string(), whole)?))
    } else {
        Piped::Image(Box::new(reader.read_stream(whole, name, select)?))
    })
}
