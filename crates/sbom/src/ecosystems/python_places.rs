//! Where the parts of a lockfile for all platforms hold: under which versions of Python, and on which systems, as far as markers tell them apart.

use crate::ecosystems::pypi::{Environment, Marker, Platform, Wanted};

/// The last version of Python 3 that is told apart from later ones.
const MINOR_MAX: u32 = 40;

/// The most bytes of markers of one lockfile that are evaluated. Real ones have some thousand where several versions of a name are locked.
const MARKERS_BYTES_MAX: usize = 1 << 20;

/// A set of versions of Python, each on each of the usual systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places(u128);

impl Places {
    /// Everywhere.
    pub(crate) const ALL: Self = Self(u128::MAX);

    /// Returns where both hold.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether it is nowhere.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Evaluates the markers of one lockfile, up to a limit.
#[derive(Debug)]
pub(crate) struct Evaluator {
    left_bytes: usize,
}

impl Default for Evaluator {
    fn default() -> Self {
        Self { left_bytes: MARKERS_BYTES_MAX }
    }
}

impl Evaluator {
    /// Returns where what has this marker can be. What is no marker, and what goes beyond the limit, can be everywhere.
    pub(crate) fn places(&mut self, marker: Option<&str>) -> Places {
        let Some(text) = marker.filter(|text| !text.is_empty()) else {
            return Places::ALL;
        };
        if text.len() > self.left_bytes {
            return Places::ALL;
        }
        self.left_bytes -= text.len();
        let Some(marker) = Marker::parse(text) else {
            return Places::ALL;
        };
        let holds = |environment: &Environment| marker.evaluate(environment) != Wanted::Never;
        let found = environments().enumerate().filter(|(_, environment)| holds(environment));
        Places(found.fold(0, |places, (number, _)| places | 1 << number))
    }
}

fn environments() -> impl Iterator<Item = Environment> {
    let versions = [(2, 7)].into_iter().chain((3..=MINOR_MAX).map(|minor| (3, minor)));
    versions.flat_map(|python| {
        [Platform::Linux, Platform::Windows, Platform::MacOs].map(|platform| Environment {
            python: Some(python),
            is_cpython: false,
            platform: Some(platform),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_that_exclude_each_other_have_no_place_in_common() {
        for (left, right, is_empty) in [
            ("python_version < '3.12'", "python_version >= '3.12'", true),
            ("python_version < '3.12'", "python_version >= '3.11'", false),
            ("sys_platform == 'win32'", "sys_platform != 'win32'", true),
            ("sys_platform == 'win32'", "platform_system == 'Darwin'", true),
            ("os_name == 'posix'", "sys_platform == 'darwin'", false),
            (
                "sys_platform == 'win32' and python_version < '3.9'",
                "sys_platform == 'win32' or python_version >= '3.9'",
                false,
            ),
            ("platform_machine == 'x86_64'", "platform_machine != 'x86_64'", false),
            ("extra == 'x'", "extra != 'x'", false),
            ("python_version >= '4'", "python_version >= '3'", true),
            ("nonsense", "python_version < '3'", false),
            ("", "python_version < '3'", false),
        ] {
            let mut evaluator = Evaluator::default();
            let places = evaluator.places(Some(left)).and(evaluator.places(Some(right)));
            assert_eq!(places.is_empty(), is_empty, "{left}; {right}");
        }
        assert_eq!(Evaluator::default().places(None), Places::ALL);
    }

    #[test]
    fn markers_end_at_the_limit() {
        let marker = "python_version < '3'";
        for (left_bytes, is_read) in [(marker.len() - 1, false), (marker.len(), true), (marker.len() + 1, true)] {
            let mut evaluator = Evaluator { left_bytes };
            assert_eq!(evaluator.places(Some(marker)) != Places::ALL, is_read, "{left_bytes}");
            assert_eq!(evaluator.places(Some(marker)), Places::ALL, "{left_bytes}");
        }
    }
}
