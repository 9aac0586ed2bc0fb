//! Inventories of what is on this machine or in a registry: `images` says where the bytes are, `sbom` what is in them.

mod cache;
mod directory;
mod hub;
mod layers;
mod registry;
mod source;
mod vex;

pub(crate) use cache::LayerCache;
pub(crate) use hub::InHub;
pub(crate) use registry::Access;
pub(crate) use source::{or_path, resolve};

use std::io::{self, IsTerminal as _};
use std::path::Path;

use component::{Inventory, Layer, Subject};
use images::{FileSystems, Image, Local, Opened, Select, SingleFile, Source as Place};
use oci::Platform;
use sbom::{Allowance, LayerBuilder, LayerRecord, LayerScope, Matcher, Source, formats};

use crate::error::{CommandError, Kind};
use crate::output;

/// How inventories are made.
pub(crate) struct Reader {
    pub(crate) matcher: Matcher,
    pub(crate) scope: LayerScope,
    pub(crate) platform: Option<Platform>,
    pub(crate) file_systems: FileSystems,
    pub(crate) access: Access,
    /// The context that is to be used before others of its hub.
    pub(crate) context: Option<String>,
    pub(crate) cache: Option<LayerCache>,
    /// Whether a hub's own inventory of an image is as good as one that is made here.
    pub(crate) asks_hub: bool,
    pub(crate) talk: Talk,
}

/// Whether a command says on standard error what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    Notes,
    Nothing,
}

/// An inventory, and the hub that the image is in, if it was asked.
pub(crate) struct Looked {
    pub(crate) inventory: Inventory,
    pub(crate) in_hub: Option<InHub>,
    /// What was wrong with the document that it was read from; none where it was made of the source itself.
    pub(crate) repairs: Option<formats::Repairs>,
    /// By what other documents lead into that document.
    pub(crate) address: Option<formats::Address>,
}

impl Reader {
    /// Makes the inventory of what a word names.
    pub(crate) fn read(&self, place: &Place) -> Result<Inventory, CommandError> {
        Ok(self.look(place)?.inventory)
    }

    /// Makes the inventory of what a word names, or takes that of a hub.
    pub(crate) fn look(&self, place: &Place) -> Result<Looked, CommandError> {
        let local = match place {
            Place::Registry(reference) => {
                let options =
                    registry::options(reference, &self.access, self.context.as_deref(), &|text| self.note(text))?;
                let image = Image::fetch(reference, options, self.platform.as_ref()).map_err(|error| {
                    let is_there = source::not_had(&error).is_none();
                    let error = CommandError::from(error);
                    if is_there { error.of_what_is_there() } else { error }
                })?;
                // Of an image without layers a hub knows nothing, now or later.
                let is_asked = self.asks_hub && !image.layers.is_empty();
                let in_hub = if is_asked { InHub::find(reference, self.context.as_deref(), &image) } else { None };
                let known = in_hub.as_ref().and_then(|hub| self.known(hub, &image));
                let read = || self.read_image(&image).map_err(CommandError::of_what_is_there);
                let inventory = known.map_or_else(read, Ok)?;
                return Ok(Looked { inventory, in_hub, repairs: None, address: None });
            }
            Place::Local(local) => local,
        };
        Ok(Looked { inventory: self.read_local(local)?, in_hub: None, repairs: None, address: None })
    }

    fn read_local(&self, local: &Local) -> Result<Inventory, CommandError> {
        if matches!(local, Local::Stream(_)) {
            refuse_terminal()?;
        }
        let opened = local.open(self.platform.as_ref())?;
        if let Local::Path(path) = local {
            if let Opened::File(file) = &opened {
                refuse_document(file)?;
            }
            self.note(&format!("Taken as {0}; write {0} to be exact.", spelled(&opened, &path.display())));
        }
        self.read_opened(opened)
    }

    /// Returns the inventory that the image's hub has of it.
    fn known(&self, hub: &InHub, image: &Image) -> Option<Inventory> {
        let known = hub.inventory().or_else(|reason| {
            // Whoever pushes and asks at once is answered as who asks later.
            let waits = || self.note("The hub has the inventory of the image still to make; waiting for it.");
            if hub.makes_inventory(waits) { hub.inventory() } else { Err(reason) }
        });
        match known {
            Ok(known) => {
                self.note("Taken from the hub's inventory; `--no-cache` reads the layers.");
                let Source { subject, layers, created, .. } = source(image, &[]);
                Some(Inventory { subject, layers, created, ..known })
            }
            Err(reason) => {
                self.note(&format!("Reading the layers: {reason}."));
                None
            }
        }
    }

    fn read_opened(&self, opened: Opened) -> Result<Inventory, CommandError> {
        if self.platform.is_some() && !matches!(opened, Opened::Image(_)) {
            return Err(CommandError::new(Kind::Usage, "`--platform` chooses between images, and this is none"));
        }
        match opened {
            Opened::Image(image) => self.read_image(&image),
            Opened::Directory(directory) => {
                let record = directory::read(&directory, &self.matcher, self.file_systems, self.talk)?;
                let (name, place) = (directory.path.display().to_string(), directory.real_path());
                let place = place.to_string_lossy();
                Ok(sbom::inventory_of_directory(name, &place, &record, &self.matcher, self.scope))
            }
            Opened::File(file) => self.read_file(&file),
        }
    }

    /// Makes the inventory of the image whose archive a stream holds.
    pub(crate) fn read_stream(
        &self,
        stream: impl io::Read,
        name: &Path,
        select: &Select,
    ) -> Result<Inventory, CommandError> {
        self.read_image(&images::open_stream(stream, name, select, self.platform.as_ref())?)
    }

    fn read_image(&self, image: &Image) -> Result<Inventory, CommandError> {
        let read = layers::read(image, &self.matcher, self.cache.as_ref(), self.talk)?;
        Ok(sbom::inventory(source(image, &read.in_order()), &self.matcher, self.scope))
    }

    fn read_file(&self, file: &SingleFile) -> Result<Inventory, CommandError> {
        let allowance = Allowance::new(images::temporary_file);
        let mut builder = LayerBuilder::new(&self.matcher, &allowance);
        let (added, digest) =
            file.read(|mut stream| builder.add_file(&file.name(), file.mode, file.size_bytes, &mut stream))?;
        added
            .map_err(|source| CommandError::environment(format!("failed to read `{}`", file.path.display()), source))?;
        let subject = Subject::File { name: file.path.display().to_string(), sha256: Some(digest.hex()) };
        let record = builder.finish();
        let source = Source { subject, layers: Vec::new(), records: &[&record], created: None };
        Ok(sbom::inventory(source, &self.matcher, self.scope))
    }

    pub(crate) fn note(&self, text: &str) {
        if self.talk == Talk::Notes {
            output::note(&output::printable(text));
        }
    }
}

/// Refuses to wait for what a person would have to type.
pub(crate) fn refuse_terminal() -> Result<(), CommandError> {
    if io::stdin().is_terminal() {
        return Err(CommandError::new(Kind::Usage, "standard input is a terminal, not an archive")
            .hint("as `docker save IMAGE | garrison sbom -`"));
    }
    Ok(())
}

/// Returns what is known of an image before its layers are read, and what was read of them.
fn source<'r>(image: &Image, records: &'r [&'r LayerRecord]) -> Source<'r> {
    let described = image.layers.iter().map(|layer| Layer {
        digest: layer.digest.unwrap_or(layer.diff_id).to_string(),
        diff_id: layer.diff_id.to_string(),
        size_bytes: layer.size_bytes,
        created_by: layer.created_by.clone(),
    });
    Source {
        subject: Subject::Image {
            name: image.name.clone(),
            digest: image.digest.to_string(),
            platform: Some(image.platform.to_string()),
        },
        layers: described.collect(),
        records,
        created: image.created.clone(),
    }
}

/// Refuses an SBOM that nobody said to look into as a file: its inventory would be empty, and be taken for what the document says.
fn refuse_document(file: &SingleFile) -> Result<(), CommandError> {
    /// Enough for the white space before a document.
    const START_BYTES: usize = 4096;
    let may_be_document = formats::may_be_document(&file.head(START_BYTES)?);
    if !may_be_document || !formats::is_document(&file.head(formats::Limits::DOCUMENT_BYTES_MAX)?) {
        return Ok(());
    }
    let path = file.path.display();
    Err(CommandError::new(Kind::Usage, format!("`{path}` is an SBOM, not something to list the components of"))
        .hint(format!("`garrison sbom convert {path}` reads it"))
        .hint(format!("`garrison sbom file:{path}` looks into it as into any file")))
}

fn spelled(opened: &Opened, path: &dyn std::fmt::Display) -> String {
    format!("`{}:{path}`", opened.scheme())
}

impl From<images::Error> for CommandError {
    fn from(error: images::Error) -> Self {
        let hints = error.hints();
        let kind = match error {
            images::Error::NameAbsent { .. }
            | images::Error::Ambiguous { .. }
            | images::Error::PlatformAbsent { .. } => Kind::Usage,
            _ => Kind::Environment,
        };
        Self::new(kind, error).with_hints(hints)
    }
}
