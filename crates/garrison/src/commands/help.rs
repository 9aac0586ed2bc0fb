use crate::error::{CommandError, Kind};
use crate::{cli, error_pages, output, settings};

/// Explain a command, or a code of an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison help repo tags
  garrison help MANIFEST_BLOB_UNKNOWN")]
pub(crate) struct Args {
    /// Words of a command, or a code
    #[arg(value_name = "COMMAND|CODE")]
    topic: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        if let [code] = self.topic.as_slice()
            && let Some(page) = error_pages::find(code)
        {
            return output::print_line(page.trim_end());
        }
        let mut command = cli::command();
        command.build();
        for word in &self.topic {
            let names = command.get_subcommands().map(|command| command.get_name().to_owned());
            let codes = error_pages::ERROR_PAGES.iter().map(|(code, _)| (*code).to_owned());
            let nearest = settings::nearest(word, names).or_else(|| settings::nearest(&word.to_uppercase(), codes));
            command = match command.find_subcommand(word) {
                Some(found) => found.clone(),
                None => return Err(unknown(word, nearest)),
            };
        }
        output::print_line(command.render_long_help().ansi().to_string().trim_end())
    }
}

fn unknown(word: &str, nearest: Option<String>) -> CommandError {
    let error = CommandError::new(Kind::Usage, format!("`{word}` is neither a command nor the code of an error"));
    match nearest {
        Some(nearest) => error.hint(format!("did you mean `garrison help {nearest}`?")),
        None => error.hint("`garrison help` lists the commands"),
    }
}
