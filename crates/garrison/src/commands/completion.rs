use std::io::{self, Write as _};

use clap_complete::Shell;

use crate::cli;
use crate::error::CommandError;

/// Print the completion script of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison completion bash > ~/.local/share/bash-completion/completions/garrison
  garrison completion fish > ~/.config/fish/completions/garrison.fish")]
pub(crate) struct Args {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        // clap panics when it cannot write, so not straight to standard output.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli::command(), "garrison", &mut script);
        io::stdout().write_all(&script).map_err(CommandError::output)
    }
}
