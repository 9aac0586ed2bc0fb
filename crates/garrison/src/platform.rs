//! Where files of a person or of a service lie, by the XDG base directory specification.

use std::ffi::OsString;
use std::path::PathBuf;

/// The variable that names the data directory, whatever the convention says.
const DATA_DIRECTORY: &str = "GARRISON_DATA_DIR";

/// The variables of the environment that decide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Platform {
    home: Option<PathBuf>,
    data_directory: Option<PathBuf>,
    data_home: Option<PathBuf>,
    config_home: Option<PathBuf>,
    cache_home: Option<PathBuf>,
}

impl Platform {
    /// Returns this process's.
    pub(crate) fn current() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        // "If an implementation encounters a relative path in any of these variables it should consider the path
        // invalid and ignore it."
        let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            home: absolute("HOME"),
            // Like the hub's setting, of which it is the variable.
            data_directory: variable(DATA_DIRECTORY).filter(|path| !path.is_empty()).map(PathBuf::from),
            data_home: absolute("XDG_DATA_HOME"),
            config_home: absolute("XDG_CONFIG_HOME"),
            cache_home: absolute("XDG_CACHE_HOME"),
        }
    }

    /// Returns the data directory of a hub that was given none, which also has the advisories that commands of this machine use.
    pub(crate) fn data_directory(&self) -> Option<PathBuf> {
        self.data_directory.clone().or_else(|| self.base(self.data_home.as_ref(), ".local/share"))
    }

    /// Returns the directory of the configuration file and of the contexts.
    pub(crate) fn config_directory(&self) -> Option<PathBuf> {
        self.base(self.config_home.as_ref(), ".config")
    }

    /// Returns the directory of what can be made anew.
    pub(crate) fn cache_directory(&self) -> Option<PathBuf> {
        self.base(self.cache_home.as_ref(), ".cache")
    }

    /// Returns the path as people write it, `~` for the home directory.
    pub(crate) fn abbreviate(&self, path: &std::path::Path) -> String {
        let home = self.home.as_ref().filter(|home| home.parent().is_some());
        match home.and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => PathBuf::from("~").join(rest).display().to_string(),
            None => path.display().to_string(),
        }
    }

    fn base(&self, base: Option<&PathBuf>, in_home: &str) -> Option<PathBuf> {
        let base = base.cloned().or_else(|| self.home.as_ref().map(|home| home.join(in_home)))?;
        Some(base.join("garrison"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_convention_is_followed() {
        type Variables = &'static [(&'static str, &'static str)];
        let table: [(Variables, Option<&str>); 8] = [
            (&[], None),
            (&[("HOME", "/root")], Some("/root/.local/share/garrison")),
            (&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data")], Some("/data/garrison")),
            (&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "data")], Some("/home/ada/.local/share/garrison")),
            (&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "")], Some("/home/ada/.local/share/garrison")),
            (&[("HOME", "/home/ada"), ("GARRISON_DATA_DIR", "")], Some("/home/ada/.local/share/garrison")),
            (&[("XDG_DATA_HOME", "/data"), ("GARRISON_DATA_DIR", "/srv/hub")], Some("/srv/hub")),
            (&[("GARRISON_DATA_DIR", "hub")], Some("hub")),
        ];
        for (variables, expected) in table {
            let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            assert_eq!(Platform::new(variable).data_directory(), expected.map(PathBuf::from), "{variables:?}");
        }
    }

    #[test]
    fn the_home_directory_is_abbreviated() {
        let platform = |home: &str| Platform { home: Some(home.into()), ..Platform::default() };
        assert_eq!(platform("/home/ada").abbreviate("/home/ada/x".as_ref()), "~/x");
        assert_eq!(platform("/home/ada").abbreviate("/home/adam/x".as_ref()), "/home/adam/x");
        assert_eq!(platform("/").abbreviate("/x".as_ref()), "/x");
    }
}
