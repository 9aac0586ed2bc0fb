//! What is scanned: SBOMs, from files and through pipes, and everything that inventories are made of.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use component::Subject;
use images::{Local, Select, Source as Place};
use sbom::formats::{self, Document};

use crate::commands::sbom::{find_document, read_document_from};
use crate::error::CommandError;
use crate::inventory::{Looked, Reader, refuse_terminal};

/// Enough for the white space before a document.
const HEAD_BYTES: u64 = 4096;

pub(super) fn look(reader: &Reader, place: &Place) -> Result<Looked, CommandError> {
    match place {
        Place::Local(Local::Stream(select)) => {
            refuse_terminal()?;
            look_into_pipe(reader, io::stdin().lock(), Path::new("-"), select)
        }
        Place::Local(Local::Path(path)) if is_pipe(path) => look_into_pipe(reader, open(path)?, path, &Select::Any),
        Place::Local(Local::Path(path)) => match find_document(path)? {
            Some(document) => Ok(listed(document)),
            None => look_into_file(reader, place, path),
        },
        place @ (Place::Registry(_) | Place::Local(_)) => reader.look(place),
    }
}

/// Of a file in which nothing is found, nothing is known to be wrong: whoever names one means a document, and is told why it is none.
fn look_into_file(reader: &Reader, place: &Place, path: &Path) -> Result<Looked, CommandError> {
    let looked = reader.look(place)?;
    let is_blank = looked.inventory.components.is_empty() && looked.inventory.unknowns.is_empty();
    if is_blank && matches!(looked.inventory.subject, Subject::File { .. }) {
        let is_meant = format!("`garrison scan file:{}` takes it as a file in which nothing is", path.display());
        let document = read_document_from(&path.display().to_string(), open(path)?);
        return document.map(listed).map_err(|error| error.hint(is_meant));
    }
    Ok(looked)
}

/// A pipe cannot be read twice: by its first bytes it is a document, or else an archive of an image. Of a document nothing can be selected.
fn look_into_pipe(reader: &Reader, mut pipe: impl Read, name: &Path, select: &Select) -> Result<Looked, CommandError> {
    let mut head = Vec::new();
    let read = pipe.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
    read.map_err(|source| CommandError::environment(format!("failed to read `{}`", name.display()), source))?;
    let is_document = *select == Select::Any && formats::may_be_document(&head);
    let whole = head.as_slice().chain(pipe);
    if is_document {
        return Ok(listed(read_document_from(&name.display().to_string(), whole)?));
    }
    Ok(Looked { inventory: reader.read_stream(whole, name, select)?, in_hub: None, repairs: None })
}

fn listed(document: Document) -> Looked {
    Looked { inventory: document.inventory, in_hub: None, repairs: Some(document.repairs) }
}

fn open(path: &Path) -> Result<File, CommandError> {
    File::open(path).map_err(|source| CommandError::environment(format!("failed to read `{}`", path.display()), source))
}

/// Tells whether a path leads to what another program writes, as `<(syft alpine:3.20 -o json)` does.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}
