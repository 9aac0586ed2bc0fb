use std::path::Path;

use images::{Local, Source};
use oci::Digest;
use outbound::RegistryError;

use crate::error::{CommandError, Kind};
use crate::session::{self, Session};
use crate::target::{self, Target};

/// Adds to an error about a word what may be meant, where no image is had by it: what lies here by nearly that name, that no path of this name is
/// there, where only for that it was taken for an image of the hub, or what lists the tags that there are. An image that is there and cannot be
/// read is what was meant.
pub(crate) fn or_path(error: CommandError, text: &str) -> CommandError {
    if error.is_of_what_is_there() || !matches!(Source::parse(text, exists), Ok(None)) {
        return error;
    }
    if let Some(hint) = image_of_path(text) {
        return error.hint(hint);
    }
    match (target::resolve(text, exists), text.split_once([':', '@'])) {
        (Target::Current { .. }, None) => error.hint(format!("there is no file or directory `{text}` here")),
        // No path is spelled so.
        (Target::Current { .. }, Some((repository, _))) => match absent(&error) {
            Some(Absent::Repository) => {
                error.hint("`garrison repo list` lists the repositories that you may pull from")
            }
            Some(Absent::Image) => {
                error.hint(format!("`garrison repo tags {repository}` lists the tags that there are"))
            }
            None => error,
        },
        (Target::Host { .. } | Target::Path(_), _) => error,
    }
}

/// What a registry does not have.
enum Absent {
    Repository,
    Image,
}

/// Returns what it is that a registry that knows who asks says not to have.
fn absent(error: &CommandError) -> Option<Absent> {
    match error.find::<images::Error>().and_then(not_had)? {
        RegistryError::Refused { status: 404, is_anonymous: false, is_of_name: true, .. } => Some(Absent::Repository),
        RegistryError::Refused { status: 404, is_anonymous: false, .. } => Some(Absent::Image),
        _ => None,
    }
}

/// Returns why the image itself is not had, where it is that. A part of one is told by its digest alone.
pub(super) fn not_had(error: &images::Error) -> Option<&RegistryError> {
    match error {
        images::Error::Fetch { what, source } if what.parse::<Digest>().is_err() => Some(source),
        _ => None,
    }
}

/// Says how an image of several is spelled where the word is the path of an archive or a layout with the image's name or digest behind it.
fn image_of_path(text: &str) -> Option<String> {
    let behind = |at: &usize| *at > 0 && at + 1 < text.len() && exists(&text[..*at]);
    let at = text.match_indices([':', '@']).map(|(at, _)| at).find(behind).filter(|_| !exists(text))?;
    let path = Path::new(&text[..at]);
    if path.is_file() {
        return Some(format!(
            "`oci-archive:{text}` takes an image of the archive that lies here (`docker-archive:{text}` if `docker save` wrote it)"
        ));
    }
    let is_layout = path.join("oci-layout").is_file();
    is_layout.then(|| format!("`oci:{text}` takes an image of the layout that lies here"))
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// Returns what a word names: what its scheme says, else what it looks like.
pub(crate) fn resolve(session: &Session, text: &str) -> Result<Source, CommandError> {
    if text.is_empty() {
        return Err(CommandError::new(Kind::Usage, "the source is empty")
            .hint("`garrison help sbom` lists what a source can be"));
    }
    let usage = |error: images::SourceError| {
        let hints = error.hints();
        CommandError::new(Kind::Usage, error).with_hints(hints)
    };
    if let Some(source) = Source::parse(text, exists).map_err(usage)? {
        return Ok(source);
    }
    match target::resolve(text, exists) {
        Target::Path(path) => Ok(Source::Local(Local::Path(path.into()))),
        Target::Host { .. } => text.parse().map(Source::Registry).map_err(usage),
        Target::Current { reference } => {
            let contexts = session.contexts()?;
            let Some((_, context)) = session.find_current(&contexts)? else {
                return Err(CommandError::new(Kind::Environment, format!("`{text}` is no path, and no hub is chosen"))
                    .with_hints(image_of_path(text).into_iter().collect())
                    .hint(format!("`garrison login HUB` chooses one; an image elsewhere is `docker.io/library/{text}`"))
                    .hint("`garrison help sbom` lists what a source can be"));
            };
            let host = session::address(&context.hub)?.authority();
            format!("{host}/{reference}").parse().map(Source::Registry).map_err(usage)
        }
    }
}
