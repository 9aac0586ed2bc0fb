//! A bench of one hub with nobody beside it: which binary, on which database, where its data lies, and where the report goes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::registry::{build, on_postgres};
use super::server::{Inventories, Server};

#[derive(clap::Args)]
pub(super) struct OneHub {
    /// Binary to measure; without it the release build is made first
    #[arg(long)]
    binary: Option<PathBuf>,
    /// PostgreSQL to use instead of SQLite, as a URL of an empty database
    #[arg(long)]
    postgres: Option<String>,
    /// Directory for the hub's data; what an earlier run left there is used again
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Writes the report here
    #[arg(long)]
    report: Option<PathBuf>,
}

/// A hub that runs, with its binary and the directory that it may use.
pub(super) struct Running<'a> {
    pub(super) server: Server,
    pub(super) binary: &'a Path,
    pub(super) directory: &'a Path,
}

impl OneHub {
    /// Starts the hub, measures it, and prints the report.
    pub(super) fn run(
        &self,
        workspace: &crate::workspace::Workspace,
        bench: &str,
        measure: impl FnOnce(&Running<'_>) -> Result<String>,
    ) -> Result<()> {
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => build(workspace)?,
        };
        let own = || std::env::temp_dir().join(format!("garrison-{bench}-{}", std::process::id()));
        let directory = self.directory.clone().unwrap_or_else(own);
        fs::create_dir_all(&directory)?;
        let outcome = self.start(&binary, &directory).and_then(|running| measure(&running));
        if self.directory.is_none() {
            let _ = fs::remove_dir_all(&directory);
        }
        let report = outcome?;
        println!("{report}");
        if let Some(path) = &self.report {
            fs::write(path, report)?;
        }
        Ok(())
    }

    fn start<'a>(&self, binary: &'a Path, directory: &'a Path) -> Result<Running<'a>> {
        let mut server = match &self.postgres {
            Some(url) => on_postgres(binary, directory, url, Inventories::Made)?,
            None => Server::garrison(binary, &directory.join("garrison"), Inventories::Made, &[])?,
        };
        server.authorization = server.basic();
        Ok(Running { server, binary, directory })
    }
}
