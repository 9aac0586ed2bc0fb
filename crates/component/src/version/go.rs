//! Go modules: "Go Modules Reference", section Versions, as `golang.org/x/mod/semver` orders them. Pseudo-versions are
//! prereleases, and `+incompatible` is build metadata. The leading `v`, which databases leave out, may be missing, and so
//! may minor and patch.

use std::borrow::Cow;

use super::semver::{Semver, check_number, split_suffixes};
use super::{Reason, number};

/// What the vulnerability database of Go calls what is made of Go's own releases, and what makers of documents do.
const OWN: [&str; 3] = ["stdlib", "std", "toolchain"];

pub(super) fn parse(text: &str) -> Result<Semver<'_>, Reason> {
    if text == "(devel)" {
        return Err(Reason::Placeholder);
    }
    let text = text.strip_prefix('v').unwrap_or(text);
    let (numbers, prerelease) = split_suffixes(text)?;
    let mut core = ["0"; 3];
    let count = numbers.split('.').count();
    if count > core.len()
        || (count < core.len() && numbers.len() != text.len())
        || !numbers.split('.').all(number::is_number)
    {
        return Err(Reason::Form("it is `v` and three numbers parted by `.`"));
    }
    for (place, number) in core.iter_mut().zip(numbers.split('.')) {
        check_number(number)?;
        *place = number;
    }
    Ok(Semver { core, prerelease })
}

/// Returns a release of Go as the semantic version that Go's advisories have for it; none for what is written as one already.
///
/// Package `go/version`: `go1.22rc1`, `go1.22.1`, and what makers of their own toolchains write after a hyphen does not count. Before their
/// releases spoke of it with a hyphen, they did with a space: `go1.20.1 X:boringcrypto`.
pub(super) fn release<'a>(package: &str, text: &'a str) -> Option<Cow<'a, str>> {
    let named = text.strip_prefix("go").filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let release = named.or_else(|| OWN.contains(&package).then_some(text))?;
    let release = release.split_whitespace().next()?;
    let (version, suffix) =
        release.split_once('-').map_or((release, None), |(version, suffix)| (version, Some(suffix)));
    if suffix.is_some_and(is_prerelease) {
        return Some(Cow::Borrowed(release));
    }
    Some(unstable(version).map_or(Cow::Borrowed(version), Cow::Owned))
}

/// As Go's advisories write them: `0`, which is before all of a release, and `rc.1`.
fn is_prerelease(suffix: &str) -> bool {
    let word = suffix.split_once('.').map_or(suffix, |(word, _)| word);
    suffix == "0" || UNSTABLE.contains(&word)
}

const UNSTABLE: [&str; 3] = ["alpha", "beta", "rc"];

/// `1.22rc1` is `1.22.0-rc.1`.
fn unstable(version: &str) -> Option<String> {
    let (major, rest) = version.split_once('.')?;
    let (minor, rest) = number::split(rest);
    let word = UNSTABLE.into_iter().find(|word| rest.starts_with(word))?;
    let count = &rest[word.len()..];
    let is_release = number::is_number(major) && number::is_number(minor) && number::is_number(count);
    is_release.then(|| format!("{major}.{minor}.0-{word}.{count}"))
}
