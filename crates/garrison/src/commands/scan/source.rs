//! What is scanned: SBOMs, from files and through pipes, and everything that inventories are made of.

use std::fs::File;
use std::io;
use std::path::Path;

use component::Subject;
use images::{Local, Select, Source as Place, is_pipe};
use sbom::formats::Document;

use crate::commands::sbom::{Piped, find_document, read_document_from, read_pipe};
use crate::error::CommandError;
use crate::inventory::{Looked, Reader, refuse_terminal};

pub(super) fn look(reader: &Reader, place: &Place) -> Result<Looked, CommandError> {
    match place {
        Place::Local(Local::Stream(select)) => {
            refuse_terminal()?;
            Ok(looked(read_pipe(reader, io::stdin().lock(), Path::new("-"), select)?))
        }
        Place::Local(Local::Path(path)) if is_pipe(path) => {
            Ok(looked(read_pipe(reader, open(path)?, path, &Select::Any)?))
        }
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

fn looked(piped: Piped) -> Looked {
    match piped {
        Piped::Document(document) => listed(*document),
        Piped::Image(inventory) => Looked { inventory: *inventory, in_hub: None, repairs: None, address: None },
    }
}

fn listed(document: Document) -> Looked {
    let Document { inventory, repairs, address, .. } = document;
    Looked { inventory, in_hub: None, repairs: Some(repairs), address }
}

fn open(path: &Path) -> Result<File, CommandError> {
    File::open(path).map_err(|source| CommandError::environment(format!("failed to read `{}`", path.display()), source))
}
