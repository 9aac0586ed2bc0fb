use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Paths that are left out, with all below them.
///
/// A pattern is for the absolute path: `*` stays within a part of it, `**` crosses parts. One that does not begin with a slash is for any depth;
/// `./a` is `/a`, as in other tools.
#[derive(Debug, Default)]
pub struct Excluded {
    patterns: Vec<String>,
    paths: GlobSet,
}

/// The most patterns of [`Excluded`]: people write a handful, and each costs time for every path.
pub const EXCLUDES_MAX: usize = 1_000;

/// Why patterns cannot be excluded.
#[derive(Debug, thiserror::Error)]
pub enum ExcludeError {
    /// One is no glob.
    #[error("`{pattern}` is no pattern of paths")]
    Glob {
        /// The pattern.
        pattern: String,
        /// Why.
        #[source]
        source: globset::Error,
    },
    /// One is empty, and would leave out everything.
    #[error("a pattern of paths is empty")]
    Empty,
    /// More than [`EXCLUDES_MAX`].
    #[error("there are {actual} patterns, the limit is {EXCLUDES_MAX}")]
    TooMany {
        /// How many.
        actual: usize,
    },
}

impl Excluded {
    /// Compiles patterns.
    pub fn new(patterns: Vec<String>) -> Result<Self, ExcludeError> {
        if patterns.len() > EXCLUDES_MAX {
            return Err(ExcludeError::TooMany { actual: patterns.len() });
        }
        let is_empty = |pattern: &String| pattern.strip_prefix('.').unwrap_or(pattern).trim_matches('/').is_empty();
        if patterns.iter().any(is_empty) {
            return Err(ExcludeError::Empty);
        }
        let mut builder = GlobSetBuilder::new();
        for pattern in &patterns {
            let rooted = pattern.strip_prefix("./").or_else(|| pattern.strip_prefix('/'));
            let rooted = rooted.map_or_else(|| format!("**/{pattern}"), str::to_owned);
            for glob in [rooted.clone(), format!("{}/**", rooted.trim_end_matches('/'))] {
                let glob = GlobBuilder::new(&glob).literal_separator(true).build();
                builder.add(glob.map_err(|source| ExcludeError::Glob { pattern: pattern.clone(), source })?);
            }
        }
        let failed = |source| ExcludeError::Glob { pattern: patterns.join(" "), source };
        Ok(Self { paths: builder.build().map_err(failed)?, patterns })
    }

    pub(crate) fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Returns whether a path (without a leading slash) is left out.
    pub fn contains(&self, path: &str) -> bool {
        !self.patterns.is_empty() && self.paths.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        let excluded = Excluded::new(vec![pattern.to_owned()]).unwrap();
        assert_eq!(excluded.contains(path), expected, "{pattern} of {path}");
    }

    #[test]
    fn a_pattern_is_for_a_path_and_all_below() {
        check("/usr", "usr", true);
        check("/usr", "usr/lib/x", true);
        check("/usr/", "usr/lib/x", true);
        check("/usr", "opt/usr", false);
        check("/usr", "usrlocal", false);
        check("node_modules", "app/node_modules/a/package.json", true);
        check("node_modules", "node_modules", true);
        check("*.jar", "a/b.jar", true);
        check("/*.jar", "a/b.jar", false);
        check("/opt/*/test", "opt/a/test/x", true);
        check("/opt/*/test", "opt/a/b/test/x", false);
        check("/opt/**/test", "opt/a/b/test/x", true);
        check("./b", "b/x", true);
        check("./b", "a/b/x", false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, told) in [
            ("[", "`[` is no pattern of paths"),
            ("", "a pattern of paths is empty"),
            ("/", "a pattern of paths is empty"),
            (".", "a pattern of paths is empty"),
            ("./", "a pattern of paths is empty"),
        ] {
            assert_eq!(Excluded::new(vec![pattern.to_owned()]).unwrap_err().to_string(), told, "{pattern}");
        }
        for (count, is_taken) in [(EXCLUDES_MAX - 1, true), (EXCLUDES_MAX, true), (EXCLUDES_MAX + 1, false)] {
            assert_eq!(Excluded::new(vec!["/a".to_owned(); count]).is_ok(), is_taken, "{count}");
        }
    }
}
