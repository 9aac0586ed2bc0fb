use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::Path;

use component::Inventory;
use jiff::Timestamp;
use sbom::formats::{Format, Output, Overlong, WriteOptions, write};

use crate::error::{CommandError, Kind};
use crate::output::{self, note};

/// Where an inventory goes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Outputs {
    /// Format, and the file if not standard output; may be given several times
    // Of the same name as the flag that it stands for here.
    #[arg(id = "output", short = 'o', long = "output", value_name = "FORMAT[@VERSION][=FILE]")]
    output: Vec<String>,
}

/// Outputs that were understood.
pub(crate) struct Parsed {
    outputs: Vec<Output>,
    timestamp: Option<String>,
}

impl Outputs {
    pub(crate) fn parse(&self) -> Result<Parsed, CommandError> {
        let usage =
            |error| CommandError::new(Kind::Usage, error).hint(format!("formats: {}", Format::NAMES.join(", ")));
        let outputs = self.output.iter().map(|text| text.parse::<Output>());
        let outputs = outputs.collect::<Result<Vec<_>, _>>().map_err(usage)?;
        let mut places = HashSet::new();
        if let Some(twice) = outputs.iter().find(|output| !places.insert(&output.file)) {
            let place = twice.file.as_deref().map_or("standard output".to_owned(), |file| format!("`{file}`"));
            return Err(CommandError::new(Kind::Usage, format!("two outputs go to {place}"))
                .hint("`-o FORMAT=FILE` writes to a file"));
        }
        for file in outputs.iter().filter_map(|one| one.file.as_deref()) {
            output::find_place(Path::new(file))
                .map_err(|source| CommandError::environment(format!("failed to write `{file}`"), source))?;
        }
        let time = source_date(std::env::var_os("SOURCE_DATE_EPOCH"))?;
        Ok(Parsed { outputs, timestamp: time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) })
    }
}

/// Returns the time that the caller's build is of (reproducible-builds.org, "`SOURCE_DATE_EPOCH`").
pub(crate) fn source_date(value: Option<std::ffi::OsString>) -> Result<Option<Timestamp>, CommandError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.parse::<i64>().ok());
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or_else(|| {
        let text = value.to_string_lossy();
        CommandError::new(Kind::Usage, format!("SOURCE_DATE_EPOCH is `{text}`, which is no time"))
            .hint("it is a number of seconds since 1970-01-01, as `date +%s` prints it")
    })?;
    Ok(Some(time))
}

impl Parsed {
    /// Writes an inventory to all of them.
    pub(crate) fn write(&self, inventory: &Inventory) -> Result<(), CommandError> {
        for output in &self.outputs {
            let mut options = WriteOptions { timestamp: self.timestamp.clone(), ..WriteOptions::new(output.format) };
            // What goes to a file or through a pipe is whole.
            if let Some(width) = output::terminal_width().filter(|_| output.file.is_none()) {
                (options.width, options.overlong) = (width, Overlong::Shortened);
            }
            let bytes = write(inventory, &options);
            match &output.file {
                Some(file) => output::replace(Path::new(file), &bytes)
                    .map_err(|source| CommandError::environment(format!("failed to write `{file}`"), source))?,
                None => io::stdout().write_all(&bytes).map_err(CommandError::output)?,
            }
        }
        io::stdout().flush().map_err(CommandError::output)
    }

    /// Returns whether some format leaves out what another one has.
    pub(crate) fn note_losses(&self, inventory: &Inventory) {
        let nameless = inventory.components.iter().filter(|component| component.purl.is_none()).count();
        if nameless > 0 && self.outputs.iter().any(|output| output.format == Format::Purls) {
            let total = inventory.components.len();
            note(&format!("The list of purls leaves out {nameless} of {total} components, which have none."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_build_is_a_number() {
        let table = [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("0"), Ok(Some("1970-01-01T00:00:00Z"))),
            (Some("1700000000"), Ok(Some("2023-11-14T22:13:20Z"))),
            (Some("now"), Err(())),
            (Some("99999999999999"), Err(())),
        ];
        for (value, expected) in table {
            let found = source_date(value.map(Into::into)).map_err(drop);
            let found = found.map(|time| time.map(|time| time.to_string()));
            assert_eq!(found, expected.map(|time: Option<&str>| time.map(str::to_owned)), "{value:?}");
        }
    }
}
