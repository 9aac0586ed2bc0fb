//! Databases of dpkg, opkg and apk, and rpm's list, come from anyone. Whatever they hold, what is found has a name.
#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::Family;
use libfuzzer_sys::fuzz_target;

static FAMILY: LazyLock<Family> = LazyLock::new(|| {
    Family::new(&[
        ("dpkg", "/var/lib/dpkg/status", "/var/lib/dpkg/info/a.list"),
        ("dpkg", "/var/lib/dpkg/status.d/a", "/var/lib/dpkg/status.d/a.md5sums"),
        ("dpkg", "/var/lib/dpkg/status", "/usr/share/doc/a/copyright"),
        ("dpkg", "/usr/lib/opkg/status", "/usr/lib/opkg/info/a.control"),
        ("dpkg", "/var/lib/dpkg/status", "/var/lib/apt/extended_states"),
        ("apk", "/lib/apk/db/installed", "/etc/apk/world"),
        ("rpm", "/var/lib/rpmmanifest/container-manifest-2", "/x"),
    ])
});

fuzz_target!(|input: &[u8]| {
    assert_eq!(FAMILY.read(input), FAMILY.read(input));
});
