//! The program as a person runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../images/tests/it/build.rs"]
#[expect(dead_code, reason = "most of it is for the tests of images themselves")]
mod build;
mod db;
mod exceptions;
mod feeds;
mod hub;
mod repo;
mod sbom;
mod scan;
mod update;
mod vex;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A home of its own for one test.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn garrison(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_garrison"));
        command.args(arguments).env_clear().env("HOME", self.path()).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command and returns its exit code, standard output and standard error, the home written as `~`.
    fn run(&self, arguments: &[&str]) -> String {
        self.told(&self.garrison(arguments).output().unwrap())
    }

    fn told(&self, output: &Output) -> String {
        let home = self.path().to_str().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(home, "~");
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        format!("exit {}\n--- stdout\n{stdout}--- stderr\n{stderr}", output.status.code().unwrap_or(-1))
    }
}

#[test]
fn a_value_says_where_it_comes_from() {
    let home = Home::new();
    std::fs::write(home.path().join("hub.toml"), "log = \"info\"\ndatabase = \"postgres://hub:s3cret@db/hub\"\n")
        .unwrap();
    let mut command = home.garrison(&["config", "show", "--origin", "--config", "hub.toml", "--http2=false"]);
    let output = command.env("GARRISON_IDLE_TIMEOUT", "10s").output().unwrap();
    // How wide a column is depends on where the home is.
    insta::with_settings!({filters => [(" {2,}", "  ")]}, { insta::assert_snapshot!(home.told(&output)) });
}

#[test]
fn the_usual_configuration_file_is_read() {
    let home = Home::new();
    let directory = home.path().join(".config/garrison");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("hub.toml"), "lisen = \"127.0.0.1:1\"\n").unwrap();
    insta::assert_snapshot!(home.run(&["config", "show"]), @"
    exit 2
    --- stdout
    --- stderr
    error: ~/.config/garrison/hub.toml:1: unknown key `lisen`
    hint:  did you mean `listen`?
    ");
}

#[test]
fn a_named_configuration_file_must_be_there() {
    insta::assert_snapshot!(Home::new().run(&["up", "--config", "none.toml"]), @"
    exit 3
    --- stdout
    --- stderr
    error: failed to read the configuration file `none.toml`
    cause: No such file or directory (os error 2)
    ");
}

#[test]
fn plain_http_beyond_this_machine_is_refused() {
    let home = Home::new();
    insta::assert_snapshot!(home.run(&["up", "--listen", "0.0.0.0:0"]), @"
    exit 2
    --- stdout
    --- stderr
    error: 0.0.0.0:0 is reached by other machines, and passwords would cross the network as they are
    hint:  give `--tls-cert` and `--tls-key`, or `--plain-http` behind a proxy that ends TLS
    ");
    assert!(!home.path().join(".local").exists(), "a refused start touches nothing");
}

#[test]
fn postgresql_needs_a_master_key_that_is_given() {
    let home = Home::new();
    insta::assert_snapshot!(home.run(&["up", "--listen", "127.0.0.1:0", "--database", "postgres://localhost/none"]), @"
    exit 2
    --- stdout
    --- stderr
    error: with PostgreSQL the master key has to be given
    hint:  make one for all hubs on the database: (umask 077; head -c 32 /dev/urandom > master.key)
    hint:  name it with `--master-key-file master.key`
    ");
    assert!(!home.path().join(".local").exists(), "a refused start leaves nothing behind");
}

#[test]
fn help_knows_commands_and_codes() {
    let home = Home::new();
    let help = home.run(&["help", "repo", "tags"]);
    assert!(help.starts_with("exit 0\n--- stdout\nList the tags of a repository"), "{help}");
    assert_eq!(help, home.run(&["help", "repo", "tags"]));
    insta::assert_snapshot!(home.run(&["help", "repos"]), @"
    exit 2
    --- stdout
    --- stderr
    error: `repos` is neither a command nor the code of an error
    hint:  did you mean `garrison help repo`?
    ");
}

#[test]
fn without_a_hub_the_way_to_one_is_shown() {
    insta::assert_snapshot!(Home::new().run(&["project", "list"]), @"
    exit 2
    --- stdout
    --- stderr
    error: no hub is chosen
    hint:  `garrison login HUB` makes a context, `garrison context use NAME` chooses one
    ");
}

#[test]
fn a_password_is_asked_for_on_a_terminal_alone() {
    insta::assert_snapshot!(Home::new().run(&["login", "127.0.0.1:1", "--user", "ada"]), @"
    exit 2
    --- stdout
    --- stderr
    error: there is no terminal to ask for the password
    hint:  `--password-stdin` reads it from standard input
    ");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let home = Home::new();
    let mut child = home.garrison(&["generate", "cli"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(home.told(&output), "exit 0\n--- stdout\n--- stderr\n");
}

#[test]
fn references_are_generated() {
    let home = Home::new();
    for page in ["cli", "configuration"] {
        let reference = home.run(&["generate", page]);
        assert!(reference.starts_with("exit 0\n--- stdout\n# "), "{reference}");
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.run(&["completion", shell]);
        assert!(script.starts_with("exit 0\n") && script.contains("reset-password"), "{shell}");
    }
}

#[test]
fn a_path_is_no_repository() {
    let home = Home::new();
    insta::assert_snapshot!(home.run(&["repo", "tags", "./api"]), @"
    exit 2
    --- stdout
    --- stderr
    error: `./api` is a path on this machine
    hint:  this command takes a repository of a hub; write HOST/REPOSITORY to be exact
    ");
}
