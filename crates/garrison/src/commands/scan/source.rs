//! What is scanned: SBOMs, from files and through pipes, and everything that inventories are made of.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use images::{Local, Source as Place};
use sbom::formats::{self, Limits};

use crate::commands::sbom::read_document_from;
use crate::error::CommandError;
use crate::inventory::{Looked, Reader, refuse_terminal};

/// Documents name their format near their beginning.
const DOCUMENT_BEGINNING_BYTES: u64 = 64 << 10;

/// Enough for the white space before a document.
const HEAD_BYTES: u64 = 4096;

pub(super) fn look(reader: &Reader, place: &Place) -> Result<Looked, CommandError> {
    match place {
        Place::Local(Local::Stream) => {
            refuse_terminal()?;
            look_into_pipe(reader, io::stdin().lock(), Path::new("-"))
        }
        Place::Local(Local::Path(path)) if is_pipe(path) => look_into_pipe(reader, open(path)?, path),
        Place::Local(Local::Path(path)) if is_document(path) => listed(path, open(path)?),
        place => reader.look(place),
    }
}

/// A pipe cannot be read twice: by its first bytes it is a document, or else an archive of an image.
fn look_into_pipe(reader: &Reader, mut pipe: impl Read, name: &Path) -> Result<Looked, CommandError> {
    let mut head = Vec::new();
    let read = pipe.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
    read.map_err(|source| CommandError::environment(format!("failed to read `{}`", name.display()), source))?;
    let is_document = formats::may_be_document(&head);
    let whole = head.as_slice().chain(pipe);
    if is_document {
        return listed(name, whole);
    }
    Ok(Looked { inventory: reader.read_stream(whole, name)?, in_hub: None })
}

fn listed(name: &Path, document: impl Read) -> Result<Looked, CommandError> {
    let document = read_document_from(&name.display().to_string(), document)?;
    Ok(Looked { inventory: document.inventory, in_hub: None })
}

fn open(path: &Path) -> Result<File, CommandError> {
    File::open(path).map_err(|source| CommandError::environment(format!("failed to read `{}`", path.display()), source))
}

/// Tells whether a path leads to what another program writes, as `<(syft alpine:3.20 -o json)` does.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Tells whether a file is an SBOM, by its beginning.
fn is_document(path: &Path) -> bool {
    let is_small =
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= Limits::DOCUMENT_BYTES_MAX as u64);
    let mut bytes = Vec::new();
    is_small
        && File::open(path).and_then(|file| file.take(DOCUMENT_BEGINNING_BYTES).read_to_end(&mut bytes)).is_ok()
        && {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}').trim_start();
            text.starts_with("pkg:")
                || (text.starts_with('{')
                    && ["\"bomFormat\"", "\"spdxVersion\"", "\"SPDXID\"", "\"artifacts\""]
                        .iter()
                        .any(|key| text.contains(key)))
        }
}
