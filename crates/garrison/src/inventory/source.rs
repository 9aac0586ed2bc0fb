use std::path::Path;

use images::{Local, Source};

use crate::error::{CommandError, Kind};
use crate::session::{self, Session};
use crate::target::{self, Target};

/// Adds to an error about a word that no path of this name is there, where only for that it was taken for an image of the hub.
pub(crate) fn or_path(error: CommandError, text: &str) -> CommandError {
    let is_guessed = matches!(Source::parse(text, exists), Ok(None))
        && matches!(target::resolve(text, exists), Target::Current { .. });
    if is_guessed { error.hint(format!("there is no file or directory `{text}` here")) } else { error }
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
            let contexts = session::contexts()?;
            let Some((_, context)) = session.find_current(&contexts)? else {
                return Err(CommandError::new(Kind::Usage, format!("`{text}` is no path, and no hub is chosen"))
                    .hint(format!("`garrison login HUB` chooses one; an image elsewhere is `docker.io/library/{text}`"))
                    .hint("`garrison help sbom` lists what a source can be"));
            };
            let host = session::address(&context.hub)?.authority();
            format!("{host}/{reference}").parse().map(Source::Registry).map_err(usage)
        }
    }
}
