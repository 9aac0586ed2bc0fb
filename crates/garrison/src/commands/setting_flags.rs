use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::error::CommandError;
use crate::platform::Platform;
use crate::settings::{Layers, SETTINGS, Setting, read_file};

/// The settings that say where a hub keeps its data: what offline commands need.
const PLACE: &[&str] = &["data_dir", "database", "master_key_file"];

/// Flags for every setting.
pub(crate) type AllFlags = SettingFlags<true>;

/// Flags for the settings that say where data is.
pub(crate) type PlaceFlags = SettingFlags<false>;

/// Flags made from the table of settings, and `--config`.
#[derive(Clone, Debug)]
pub(crate) struct SettingFlags<const ALL: bool> {
    config: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

impl<const ALL: bool> SettingFlags<ALL> {
    /// Collects flags, environment and file.
    pub(crate) fn layers(self) -> Result<Layers, CommandError> {
        layers(self.config, self.flags)
    }

    fn settings() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|setting| ALL || PLACE.contains(&setting.key))
    }
}

impl<const ALL: bool> Args for SettingFlags<ALL> {
    fn augment_args(command: Command) -> Command {
        let config =
            Arg::new("config").long("config").value_name("FILE").value_parser(clap::value_parser!(PathBuf)).help(
                "TOML file with settings [env: GARRISON_CONFIG] [default: hub.toml in the configuration directory]",
            );
        let flags = Self::settings().map(|setting| {
            let doc: Vec<&str> = setting.doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
            let (summary, rest) = doc.split_first().map_or(("", [].as_slice()), |(first, rest)| (*first, rest));
            let default = match setting.default {
                "" => String::new(),
                default => format!(" [default: {default}]"),
            };
            let origin = format!("[env: {}]{default}", setting.variable());
            let mut long = vec![summary.to_owned()];
            // Paragraphs are filled by the terminal's width, not by ours.
            long.extend(
                rest.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).map(|lines| lines.join(" ")),
            );
            long.push(origin);
            let arg = Arg::new(setting.key)
                .long(setting.flag())
                .value_name(setting.form)
                .help(summary.trim_end_matches('.').to_owned())
                .long_help(long.join("\n\n"))
                // `-NAME` leaves a feed out.
                .allow_hyphen_values(setting.key == "advisories_feeds")
                .action(ArgAction::Set);
            if setting.switch { arg.num_args(0..=1).require_equals(true).default_missing_value("true") } else { arg }
        });
        command.arg(config).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const ALL: bool> FromArgMatches for SettingFlags<ALL> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = Self::settings()
            .filter_map(|setting| matches.get_one::<String>(setting.key).map(|text| (setting.key, text.clone())))
            .collect();
        Ok(Self { config: matches.get_one::<PathBuf>("config").cloned(), flags })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Collects flags, environment, and the file that is named or at the usual place.
pub(crate) fn layers(config: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Result<Layers, CommandError> {
    let named = config.or_else(|| std::env::var_os("GARRISON_CONFIG").filter(|f| !f.is_empty()).map(PathBuf::from));
    let file = match named {
        Some(path) => Some(path),
        // The file at the usual place may be missing, one that was named may not.
        None => Platform::current()
            .config_directory()
            .map(|directory| directory.join("hub.toml"))
            .filter(|path| path.exists()),
    };
    let text = file.as_deref().map(read_file).transpose()?;
    let file = file.as_deref().zip(text.as_deref());
    Ok(Layers::collect(flags, std::env::vars_os(), file)?)
}
