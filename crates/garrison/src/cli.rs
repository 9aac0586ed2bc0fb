//! The commands as clap sees them.

use clap::builder::PossibleValuesParser;
use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum as _};

use crate::commands::{
    access, audit, completion, config, context, db, exceptions, find, findings, fsck, gc, generate, help, job, keys,
};
use crate::commands::{login, project, repo, robot, sbom, scan, up, user, version, vex};
use crate::error::CommandError;
use crate::output::Format;
use crate::session::{Session, block_on};

/// A zero-trust software supply chain for Kubernetes, in one program.
#[derive(Debug, Parser)]
#[command(
    name = "garrison",
    version,
    after_help = "Example:
  garrison up
  garrison login 127.0.0.1:5000 --user admin
  garrison repo list

Exit codes: 0 done, 1 the answer is no, 2 not understood, 3 surroundings, 70 our mistake.
`garrison help COMMAND` and `garrison help CODE` say more."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Global {
    /// How data is printed
    // As text: the commands for inventories have formats of their own behind the same flag, and clap hands them up to here.
    #[arg(short, long, global = true, value_name = "FORMAT", value_parser = output_formats(), default_value = "table")]
    output: String,
    /// Context to use instead of the current one
    #[arg(long, global = true, value_name = "NAME", env = "GARRISON_CONTEXT", hide_env_values = true)]
    pub(crate) context: Option<String>,
}

/// The flag that says how data is printed, for commands below one that has its own.
pub(crate) fn output_argument() -> Arg {
    let argument = Arg::new("output").short('o').long("output").value_name("FORMAT").value_parser(output_formats());
    argument.default_value("table").help("How data is printed")
}

fn output_formats() -> PossibleValuesParser {
    Format::value_variants().iter().filter_map(Format::to_possible_value).collect::<Vec<_>>().into()
}

impl Global {
    /// Returns how data is printed.
    pub(crate) fn format(&self) -> Format {
        Format::from_str(&self.output, false).unwrap_or_default()
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    Sbom(Box<sbom::Args>),
    Scan(Box<scan::Scan>),
    #[command(subcommand)]
    Exceptions(exceptions::Command),
    #[command(subcommand)]
    Vex(vex::Command),
    Find(find::Find),
    #[command(subcommand)]
    Findings(findings::Command),
    #[command(subcommand)]
    Config(config::Command),
    Login(login::Login),
    Logout(login::Logout),
    #[command(subcommand)]
    Context(context::Command),
    #[command(subcommand)]
    Project(project::Command),
    #[command(subcommand)]
    Repo(repo::Command),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Robot(robot::Command),
    #[command(subcommand)]
    Db(db::Command),
    #[command(subcommand)]
    Jobs(job::Command),
    #[command(subcommand)]
    Gc(gc::Command),
    Fsck(fsck::Args),
    #[command(subcommand)]
    Audit(audit::Command),
    #[command(subcommand)]
    Keys(keys::Command),
    #[command(subcommand)]
    Access(access::Command),
    Completion(completion::Args),
    Help(help::Args),
    Version(version::Args),
    #[command(subcommand, hide = true)]
    Generate(generate::Command),
}

/// Returns the whole command line.
pub(crate) fn command() -> clap::Command {
    // `help` is ours: it knows the error codes as well.
    fn without_help_commands(command: clap::Command) -> clap::Command {
        command.disable_help_subcommand(true).mut_subcommands(without_help_commands)
    }
    without_help_commands(Cli::command())
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> Result<(), CommandError> {
    let matches = command().get_matches();
    let Cli { global, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let session = Session::new(global);
    match command {
        Command::Up(args) => args.run(),
        Command::Sbom(args) => args.run(&session),
        Command::Scan(scan) => scan.run(&session),
        Command::Exceptions(command) => command.run(&session),
        Command::Vex(command) => command.run(&session),
        Command::Find(find) => block_on(find.run(&session)),
        Command::Findings(command) => block_on(command.run(&session)),
        Command::Config(command) => command.run(&session),
        Command::Login(login) => block_on(login.run(&session)),
        Command::Logout(logout) => logout.run(&session),
        Command::Context(command) => command.run(&session),
        Command::Project(command) => block_on(command.run(&session)),
        Command::Repo(command) => block_on(command.run(&session)),
        Command::User(command) => block_on(command.run(&session)),
        Command::Robot(command) => block_on(command.run(&session)),
        Command::Db(command) => command.run(&session),
        Command::Jobs(command) => block_on(command.run(&session)),
        Command::Gc(command) => block_on(command.run(&session)),
        Command::Fsck(args) => block_on(args.run(&session)),
        Command::Audit(command) => block_on(command.run(&session)),
        Command::Keys(command) => block_on(command.run(&session)),
        Command::Access(command) => block_on(command.run(&session)),
        Command::Completion(args) => args.run(),
        Command::Help(args) => args.run(),
        Command::Version(args) => block_on(args.run(&session)),
        Command::Generate(command) => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Visits every command that is shown.
    fn each(command: &clap::Command, path: &str, visit: &mut impl FnMut(&str, &clap::Command)) {
        if command.is_hide_set() {
            return;
        }
        visit(path, command);
        for child in command.get_subcommands() {
            each(child, &format!("{path} {}", child.get_name()), visit);
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_help_has_an_example() {
        each(&command(), "garrison", &mut |path, command| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example:\n  garrison"), "{path}");
        });
    }

    #[test]
    fn every_example_is_understood() {
        each(&command(), "garrison", &mut |path, described| {
            let help = described.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines().filter_map(|line| line.strip_prefix("  garrison ")) {
                let line = line.split(['>', '<', '|']).next().unwrap_or_default();
                let words = line.split_whitespace().map(|word| word.trim_matches('\''));
                let result = command().try_get_matches_from(["garrison"].into_iter().chain(words));
                assert!(result.is_ok(), "{path}: {line}: {result:?}");
            }
        });
    }

    /// Returns the commands that a text tells its reader to run: between backquotes, or behind a colon to the end of the
    /// line, text or sentence.
    fn told(text: &str) -> Vec<String> {
        let quoted = text.split("`garrison ").skip(1).filter_map(|rest| rest.split('`').next());
        let behind = text.split(": garrison ").skip(1).filter_map(|rest| rest.split(['`', '"', ';', ',', '\n']).next());
        let parts = quoted.chain(behind).flat_map(|told| told.split(" && garrison "));
        // What a message fills in stands between braces; where the answer goes is the shell's.
        let filled =
            |told: &str| -> String { told.split(['&', '>', '<', '|']).next().unwrap_or(told).replace(['{', '}'], "") };
        parts.map(filled).filter(|told| !told.contains('\\') && !told.contains("...")).collect()
    }

    /// Every file below a directory with a name that ends so.
    fn files(directory: &std::path::Path, ending: &str, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("reference") {
                files(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_command_that_a_text_tells_of_is_understood() {
        use clap::error::ErrorKind;
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut texts = Vec::new();
        files(&root.join("docs"), ".md", &mut texts);
        for directory in std::fs::read_dir(root.join("crates")).unwrap() {
            let source = directory.unwrap().path().join("src");
            if source.is_dir() {
                files(&source, ".rs", &mut texts);
            }
        }
        texts.retain(|path| !path.ends_with(file!().rsplit('/').next().unwrap_or_default()));
        let (mut count, mut wrong) = (0, Vec::new());
        for path in texts {
            for told in told(&std::fs::read_to_string(&path).unwrap()) {
                let words = told.split_whitespace().map(|word| word.trim_matches('\''));
                let error = command().try_get_matches_from(["garrison"].into_iter().chain(words)).err();
                count += 1;
                // A text may leave out what its reader knows.
                let short = [ErrorKind::MissingRequiredArgument, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
                if let Some(error) = error
                    && !short.contains(&error.kind())
                {
                    wrong.push(format!("{}: garrison {told}: {:?}", path.display(), error.kind()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(count > 50, "{count} commands found");
    }

    #[test]
    fn help_texts() {
        let mut texts = String::new();
        let mut whole = command().term_width(80);
        whole.build();
        each(&whole, "garrison", &mut |path, command| {
            let help = command.clone().term_width(80).render_long_help();
            let _infallible = write!(texts, "==== {path} ====\n{help}\n");
        });
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("help", texts);
        });
    }
}
