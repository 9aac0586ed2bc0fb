use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::Path;

use component::Inventory;
use findings::{DocumentOptions, Format, Output, Report, TableOptions};
use jiff::Timestamp;

use crate::commands::sbom::source_date;
use crate::error::{CommandError, Kind};
use crate::output;

/// Where a report goes.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Outputs {
    /// Format, and the file if not standard output; may be given several times
    // Of the same name as the flag that it stands for here.
    #[arg(id = "output", short = 'o', long = "output", value_name = "FORMAT[@VERSION][=FILE]")]
    output: Vec<String>,
}

/// Outputs that were understood.
pub(super) struct Parsed {
    outputs: Vec<Output>,
    timestamp: Option<Timestamp>,
}

impl Outputs {
    pub(super) fn parse(&self) -> Result<Parsed, CommandError> {
        let usage =
            |error| CommandError::new(Kind::Usage, error).hint(format!("formats: {}", Format::NAMES.join(", ")));
        let mut outputs =
            self.output.iter().map(|text| text.parse::<Output>()).collect::<Result<Vec<_>, _>>().map_err(usage)?;
        if outputs.is_empty() {
            outputs.push(Output { format: Format::Table, file: None });
        }
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
        Ok(Parsed { outputs, timestamp: source_date(std::env::var_os("SOURCE_DATE_EPOCH"))? })
    }
}

impl Parsed {
    /// Whether a form is asked for that says what each vulnerability is.
    pub(super) fn need_summaries(&self) -> bool {
        self.outputs.iter().any(|output| output.format != Format::Table)
    }

    /// Whether the form is among them that tells warnings to people.
    pub(super) fn have_table(&self) -> bool {
        self.outputs.iter().any(|output| output.format == Format::Table && output.file.is_none())
    }

    /// Whether an answer that is no report is to be JSON.
    pub(super) fn is_json(&self) -> Result<bool, CommandError> {
        match self.outputs.as_slice() {
            [Output { format: Format::Table, file: None }] => Ok(false),
            [Output { format: Format::Json, file: None }] => Ok(true),
            _ => Err(CommandError::new(Kind::Usage, "an explanation is printed as `table` or as `json`")
                .hint("without `--explain` the report is written in other formats and to files")),
        }
    }

    /// Writes a report to all of them. Returns what they leave out.
    pub(super) fn write(
        &self,
        report: &Report,
        inventory: &Inventory,
        milliseconds: Option<u64>,
    ) -> Result<Vec<String>, CommandError> {
        let table = TableOptions { width: output::line_width(), now: Some(Timestamp::now()), milliseconds };
        let options = DocumentOptions { table, timestamp: self.timestamp };
        let mut left_out = Vec::new();
        for Output { format, file } in &self.outputs {
            let written = format.write(report, inventory, &options);
            match file {
                Some(file) => output::replace(Path::new(file), &written.bytes)
                    .map_err(|source| CommandError::environment(format!("failed to write `{file}`"), source))?,
                None => io::stdout().write_all(&written.bytes).map_err(CommandError::output)?,
            }
            left_out.extend(written.left_out.map(|text| format!("{format}: {text}")));
        }
        io::stdout().flush().map_err(CommandError::output)?;
        Ok(left_out)
    }
}
