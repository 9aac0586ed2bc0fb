//! Slips of the pen in the versions of Alpine's lists.

use std::borrow::Cow;

use component::{Scheme, Version};

/// As much of a version as is looked at for its beginning. The longest of Alpine's lists has 40 bytes.
const READABLE_BYTES_MAX: usize = 64;

/// Returns a version of an apk distribution's record as its order takes it; none where no beginning of it can be read.
///
/// A build after a point that no number follows is a build: `4.8.0.-r1`, `10.2.26.r0`. A hyphen before a number and its build is a point:
/// `4.10-1-r1` of xen 4.10.1. A hyphen before a last number is a build whose `r` is not there: `2.7.16-33`, which Alpine's later lists have
/// as `2.7.16-r3`. Anything else counts as far as it can be read, which is how far apk-tools 2 compares it: `2.15.r-r1` mends what is older
/// than 2.15. Without it the record would say nothing, and its package would be taken for clean.
pub(crate) fn apk_version(stated: &str) -> Option<Cow<'_, str>> {
    let is_ordered = |version: &str| Version::parse(Scheme::Apk, version).is_ok();
    if is_ordered(stated) {
        return Some(Cow::Borrowed(stated));
    }
    let of_build = |(version, build): (&str, &str)| Some(format!("{version}-r{build}")).filter(|one| is_ordered(one));
    let of_point = |(version, rest): (&str, &str)| match rest.split_once("-r") {
        Some(_) => Some(format!("{version}.{rest}")).filter(|one| is_ordered(one)),
        None => of_build((version, without_doubled(rest))),
    };
    let build = stated.split_once(".-r").or_else(|| stated.split_once(".r"));
    if let Some(version) = build.and_then(of_build).or_else(|| stated.split_once('-').and_then(of_point)) {
        return Some(Cow::Owned(version));
    }
    let ends = (1..=stated.len().min(READABLE_BYTES_MAX)).rev();
    ends.filter_map(|end| stated.get(..end)).find(|beginning| is_ordered(beginning)).map(Cow::Borrowed)
}

/// A digit that stands where the `r` belongs, and again behind it, is one number.
fn without_doubled(build: &str) -> &str {
    match build.as_bytes() {
        [first, second] if first == second => &build[1..],
        _ => build,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_counts_as_far_as_it_can_be_read() {
        let check =
            |stated: &str, expected: Option<&str>| assert_eq!(apk_version(stated).as_deref(), expected, "{stated}");
        check("", None);
        check("one", None);
        check("-r1", None);
        check("\u{e4}1", None);
        check("1.2.3-r1", Some("1.2.3-r1"));
        check("4.8.0.-r1", Some("4.8.0-r1"));
        check("10.2.26.r0", Some("10.2.26-r0"));
        check("2.15.r-r1", Some("2.15"));
        check("4.10-1-r1", Some("4.10.1-r1"));
        check("57-1-r2", Some("57.1-r2"));
        check("4.10-1-r", Some("4.10"));
        check("4.10-1-2-r1", Some("4.10"));
        check("2.7.16-33", Some("2.7.16-r3"));
        check("2.7.16-3", Some("2.7.16-r3"));
        check("2.7.16-12", Some("2.7.16-r12"));
        check("2.7.16-\u{e4}", Some("2.7.16"));
        check("2.7.16-b", Some("2.7.16"));
        check("-33", None);
        check("1.2\u{e4}", Some("1.2"));
        check(&"1".repeat(READABLE_BYTES_MAX), Some("1".repeat(READABLE_BYTES_MAX).as_str()));
        let long = "1".repeat(READABLE_BYTES_MAX) + "!";
        check(&long, Some(&long[..READABLE_BYTES_MAX]));
        let hidden = format!("{}1", "!".repeat(READABLE_BYTES_MAX));
        check(&hidden, None);
    }
}
