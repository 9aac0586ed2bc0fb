//! Which of an inventory's unknowns were not read, and which of those may hide packages of the operating system.

use component::Unknown;

use crate::cataloger::{TOO_MANY, TOO_MANY_EDGES, TOO_MANY_FILES};
use crate::extractors::rpm_database::TOO_MANY_VALUES;

/// How the reason ends for a program that was read to its end and that nothing names.
pub(crate) const UNNAMED: &str = "no package owns it and nothing in it names it";

/// How the reason goes on for a manifest of a project of which nothing says what became of what it asks for, and how it ends: in between is what nothing
/// says, the versions or what all that needs.
pub(crate) const NOTHING_SAYS: &str = ": nothing here says ";
pub(crate) const IN_TURN: &str = " need in turn";

/// How it ends in an image, in which what is installed counts, not what is asked for.
pub(crate) const UNDECIDED_IN_IMAGE: &str = ": nothing that is installed here says what became of it";

/// How the reason ends for a build script that asks for what it does not name.
pub(crate) const UNWRITTEN: &str = ": nothing here says which packages these are";

/// How it ends for what a manifest asks for in some builds alone.
pub(crate) const UNCONDITIONED: &str = ": nothing here says whether it is built so";

/// How the reason ends for a lockfile or manifest that is known by its name alone.
pub(crate) const UNCATALOGED: &str = ": no cataloger reads such a file";

/// The same in an image.
pub(crate) const UNCATALOGED_IN_IMAGE: &str = ": no cataloger reads such a file, and what is installed here counts";

/// Where package managers keep what is installed, by the ends of paths: the files, and the folders that may be refused as a whole.
const DATABASES: [&str; 16] = [
    "/lib/dpkg/status",
    "/lib/dpkg/status.d",
    "/lib/dpkg",
    "/lib/opkg/status",
    "/lib/opkg",
    "/lib/apk/db/installed",
    "/lib/apk/db",
    "/lib/apk",
    "/rpm/rpmdb.sqlite",
    "/rpm/rpmdb.sqlite-wal",
    "/rpm/Packages",
    "/rpm/Packages.db",
    "/lib/rpm",
    "/sysimage/rpm",
    "/rpmmanifest/container-manifest-2",
    "/var/lib",
];

/// Folders of package managers that have a file for each package.
const PARTS: [&str; 3] = ["/lib/dpkg/status.d/", "/lib/opkg/info/", "/conda-meta/"];

/// Tells whether something was not read, wholly or in part, or not understood. What was read and is named by nothing is none of this.
pub fn is_unread(unknown: &Unknown) -> bool {
    !unknown.reason.ends_with(UNNAMED)
}

/// Tells whether packages may be missing for it: a package database was not read to its end, a limit left components out, or nothing says what became of
/// what a project asks for or locks. What a limit leaves out of edges and of files that packages own hides no package.
pub fn hides_packages(unknown: &Unknown) -> bool {
    let path = unknown.location.path.as_str();
    let is_of_database =
        DATABASES.iter().any(|end| path.ends_with(end)) || PARTS.iter().any(|folder| path.contains(folder));
    let is_beside = [TOO_MANY_EDGES, TOO_MANY_FILES].contains(&unknown.reason.as_str())
        || unknown.reason.ends_with(TOO_MANY_VALUES);
    unknown.reason == TOO_MANY
        || (unknown.reason.ends_with(IN_TURN) && unknown.reason.contains(NOTHING_SAYS))
        || unknown.reason.ends_with(UNWRITTEN)
        || unknown.reason.ends_with(UNCONDITIONED)
        || unknown.reason.ends_with(UNCATALOGED)
        || (is_of_database && is_unread(unknown) && !is_beside)
}

#[cfg(test)]
mod tests {
    use component::Location;

    use super::*;

    #[test]
    fn what_was_not_read_may_hide_packages() {
        let limit = "71303168 bytes, the limit for such a file is 67108864";
        for (path, reason, unread, hides) in [
            (
                "/opt/tool",
                "ELF program, statically linked: no package owns it and nothing in it names it",
                false,
                false,
            ),
            ("/opt/tool", "ELF program: a section lies outside of the file", true, false),
            ("/app/package.json", "the package.json has no valid name and version", true, false),
            ("/app/package.json", TOO_MANY, true, true),
            (
                "/app/package.json",
                &format!("asks for lodash{NOTHING_SAYS}which versions these get and what they{IN_TURN}"),
                true,
                true,
            ),
            ("/app/build.gradle", &format!("asks for h2 1.0{NOTHING_SAYS}what these{IN_TURN}"), true, true),
            ("/app/package.json", &format!("asks for lodash{UNDECIDED_IN_IMAGE}"), true, false),
            ("/app/build.gradle", &format!("asks in line 3 for what it does not name, `api x`{UNWRITTEN}"), true, true),
            ("/app/pom.xml", &format!("asks for h2 in the profile `x`{UNCONDITIONED}"), true, true),
            ("/app/mix.lock", &format!("a lockfile of Elixir{UNCATALOGED}"), true, true),
            ("/app/mix.lock", &format!("a lockfile of Elixir{UNCATALOGED_IN_IMAGE}"), true, false),
            ("/", TOO_MANY, true, true),
            ("/", TOO_MANY_FILES, true, false),
            ("/var/lib/dpkg/status", limit, true, true),
            ("/var/lib/dpkg/status", TOO_MANY_EDGES, true, false),
            ("/var/lib/dpkg/status.d/base", limit, true, true),
            ("/var/lib/dpkg/info/base.list", limit, true, false),
            ("/var/lib/dpkg", "permission denied", true, true),
            ("/usr/lib/sysimage/rpm/Packages.db", "a page that is used twice", true, true),
            ("/var/lib/rpm/Packages", "more than 9 files and relations, so that not all are known", true, false),
            ("/srv/Packages", limit, true, false),
            ("/lib/apk/db/installed", "2 entries without a name, or with one longer than the limit", true, true),
        ] {
            let unknown = Unknown { location: Location::new(path, None), reason: reason.to_owned() };
            assert_eq!((is_unread(&unknown), hides_packages(&unknown)), (unread, hides), "{path}: {reason}");
        }
    }
}
