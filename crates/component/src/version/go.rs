//! Go modules: "Go Modules Reference", section Versions, as `golang.org/x/mod/semver` orders them. Pseudo-versions are
//! prereleases, and `+incompatible` is build metadata. The leading `v`, which databases leave out, may be missing, and so
//! may minor and patch.

use super::semver::{Semver, check_number, split_suffixes};
use super::{Reason, number};

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
