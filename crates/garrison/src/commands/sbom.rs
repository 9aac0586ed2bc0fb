use std::fmt::Write as _;

use clap::Subcommand;
use component::{Inventory, Subject};
use images::FileSystems;
use sbom::{Excluded, LayerScope, Matcher};

use crate::error::{CommandError, Kind};
use crate::inventory::{self, Access, LayerCache, Reader, Talk};
use crate::memory;
use crate::platform::Platform;
use crate::session::Session;

mod catalogers;
mod compare;
mod convert;
mod diff;
mod outputs;
mod pipe;
mod refused;

pub(crate) use convert::{find_document, read_document_from};
use outputs::Outputs;
pub(crate) use outputs::source_date;
pub(crate) use pipe::{Piped, read_pipe};

/// List every component of an image, a directory or a file.
///
/// Without a scheme, a name with a host is an image there, a path that exists is what it looks like, and anything else is an image
/// of the current hub; standard error says what a path was taken as. An image of a hub that you are logged in to is answered from
/// the hub's own inventory, if there is one and nothing else than that is asked for. Nothing is extracted, nothing that is found is run, and
/// nothing is asked but the source.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Example:
  garrison sbom .
  garrison sbom api.tar -o cyclonedx-json=api.json -o spdx-json=api.spdx
  garrison sbom 127.0.0.1:5000/team/api:1.4 --platform linux/arm64 -o purls
  garrison sbom / --exclude /home --select dpkg --select python-installed
  garrison sbom convert api.spdx.json -o cyclonedx-json@1.5

Sources:
  HOST/NAME[:TAG][@DIGEST]         image in a registry; also `registry:`
  oci:DIRECTORY[:TAG|@DIGEST]      OCI layout
  oci-archive:FILE[:TAG|@DIGEST]   tar of an OCI layout
  docker-archive:FILE[:NAME:TAG]   what `docker save` and `podman save` write
  dir:DIRECTORY                    directory
  file:FILE                        one file
  -, or a pipe such as <(...)      an archive of either kind, as a stream
  stdin:NAME:TAG                   one of the images of such an archive

Formats: cyclonedx-json (@1.4, @1.5, @1.6), spdx-json, syft-json, purls, table.
Exit codes: 0 done, 2 not understood, 3 the source could not be read."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// What to look into
    #[arg(value_name = "SOURCE", required = true)]
    source: Option<String>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    outputs: Outputs,
}

/// How a source is read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Reading {
    /// Layers to list: what a container sees, or also what upper layers delete
    #[arg(long, value_enum, value_name = "SCOPE", default_value_t)]
    scope: Scope,
    /// Platform of the image [default: this machine's]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,
    /// Leave out paths; `*` stays within a directory, `**` does not, and what does not begin with `/` is for any depth
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Use only these catalogers; `garrison sbom catalogers` lists them
    #[arg(long, value_name = "CATALOGER")]
    select: Vec<String>,
    #[command(flatten)]
    access: Access,
    /// Enter what is mounted inside of a directory
    #[arg(long)]
    other_file_systems: bool,
    /// Read every layer, whether its contents are known here or in a hub or not
    #[arg(long)]
    no_cache: bool,
    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Scope {
    /// The layers merged.
    #[default]
    Squashed,
    /// Each layer's components.
    AllLayers,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(convert::Convert),
    Diff(diff::Diff),
    Compare(compare::Compare),
    Refused(refused::Refused),
    Catalogers(catalogers::Catalogers),
}

impl Args {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        match (self.command, self.source) {
            (Some(Command::Convert(convert)), _) => convert.run(),
            (Some(Command::Diff(diff)), _) => diff.run(session),
            (Some(Command::Compare(compare)), _) => compare.run(session),
            (Some(Command::Refused(refused)), _) => refused.run(session),
            (Some(Command::Catalogers(catalogers)), _) => catalogers.run(session),
            (None, Some(source)) => list(session, &source, &self.reading, &self.outputs),
            (None, None) => Err(CommandError::new(Kind::Usage, "no source is given")),
        }
    }
}

fn list(session: &Session, source: &str, reading: &Reading, outputs: &Outputs) -> Result<(), CommandError> {
    memory::begin_again_with_little();
    // Before anything is read: a mistake in a flag should not cost minutes.
    let outputs = outputs.parse()?;
    let reader = reading.reader(session)?;
    let place = inventory::resolve(session, source)?;
    let inventory = reader.read(&place).map_err(|error| inventory::or_path(error, source))?;
    reader.note(&summary(&inventory));
    outputs.write(&inventory)
}

impl Reading {
    /// Whether nothing is asked for that a hub's own inventory leaves out.
    fn is_plain(&self) -> bool {
        !self.no_cache && self.scope == Scope::Squashed && self.exclude.is_empty() && self.select.is_empty()
    }

    /// Returns the first flag that is given and says how a source is read, which a document was already.
    pub(crate) fn for_sources_alone(&self) -> Option<&'static str> {
        let given = [
            ("--scope", self.scope != Scope::Squashed),
            ("--platform", self.platform.is_some()),
            ("--exclude", !self.exclude.is_empty()),
            ("--select", !self.select.is_empty()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }

    pub(crate) fn reader(&self, session: &Session) -> Result<Reader, CommandError> {
        let excluded = Excluded::new(self.exclude.clone()).map_err(|error| CommandError::new(Kind::Usage, error))?;
        let platform = self
            .platform
            .as_deref()
            .map(images::parse_platform)
            .transpose()
            .map_err(|error| CommandError::new(Kind::Usage, error).hint("as `linux/amd64` or `linux/arm/v7`"))?;
        let cache = Platform::current().cache_directory().filter(|_| !self.no_cache);
        Ok(Reader {
            matcher: Matcher::new_without(catalogers::selected(&self.select)?, excluded),
            scope: match self.scope {
                Scope::Squashed => LayerScope::Squashed,
                Scope::AllLayers => LayerScope::AllLayers,
            },
            platform,
            file_systems: if self.other_file_systems { FileSystems::All } else { FileSystems::One },
            access: self.access.clone(),
            context: session.chosen().map(ToOwned::to_owned),
            cache: cache.as_deref().map(LayerCache::new),
            asks_hub: self.is_plain(),
            talk: if self.quiet { Talk::Nothing } else { Talk::Notes },
        })
    }
}

/// The answer in a line, for standard error.
fn summary(inventory: &Inventory) -> String {
    let (components, edges) = (inventory.components.len(), inventory.edges.len());
    let counted = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let mut text = match &inventory.subject {
        Subject::Image { name, digest, platform } => {
            let digest = digest.parse::<oci::Digest>().map_or_else(|_| digest.clone(), |digest| digest.short());
            let platform = platform.as_deref().unwrap_or("no platform");
            let layers = counted(inventory.layers.len(), "layer", "layers");
            format!("{name} ({digest}, {platform}, {layers})")
        }
        subject => subject.name().to_owned(),
    };
    let counts = [counted(components, "component", "components"), counted(edges, "edge", "edges")];
    let _infallible = write!(text, ": {}", counts.join(", "));
    if !inventory.unknowns.is_empty() {
        let unknowns = counted(inventory.unknowns.len(), "thing", "things");
        let _infallible = write!(text, "; {unknowns} seen and not named or not read, listed in the JSON formats");
    }
    text
}
