//! Tells from a package's list of files whether anything in it can run.
//!
//! The answer decides what a scanner may leave out, so doubt counts as code: a file is taken for data only where its place or its name says so.

/// One file of a package's list: a regular file, not a directory or a link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListedFile<'a> {
    /// The absolute path.
    pub(crate) path: &'a str,
    /// Whether its mode has a bit for execution; `None` when nobody knows the mode.
    pub(crate) executable: Option<bool>,
}

/// Where package managers put what is only read, relative to the root. Nothing in these runs unless its mode says so.
const DATA_FOLDERS: &[&str] = &[
    "etc/ssl/certs/",
    "usr/include/",
    "usr/lib/locale/",
    "usr/share/aclocal/",
    "usr/share/backgrounds/",
    "usr/share/ca-certificates/",
    "usr/share/doc-base/",
    "usr/share/doc/",
    "usr/share/fonts/",
    "usr/share/gir-1.0/",
    "usr/share/gtk-doc/",
    "usr/share/help/",
    "usr/share/i18n/",
    "usr/share/icons/",
    "usr/share/info/",
    "usr/share/licenses/",
    "usr/share/lintian/",
    "usr/share/locale/",
    "usr/share/man/",
    "usr/share/mime/",
    "usr/share/pixmaps/",
    "usr/share/pkgconfig/",
    "usr/share/sounds/",
    "usr/share/zoneinfo/",
];

/// Where most files are settings or data: there a file is code only when its mode or its name says so.
const SETTINGS_FOLDERS: &[&str] = &["etc/", "usr/share/", "usr/lib/os-release", "usr/lib/systemd/", "var/"];

/// Folders in which everything is meant to be run.
const PROGRAM_FOLDERS: &[&str] = &["bin", "games", "init.d", "libexec", "sbin"];

/// Endings of what a processor, an interpreter or a kernel runs, and of machine code that goes into it.
const CODE_ENDINGS: &[&str] = &[
    "a", "awk", "bash", "bin", "cgi", "class", "cjs", "dll", "dylib", "ear", "efi", "el", "elc", "exe", "fw", "jar",
    "jmod", "js", "ko", "lua", "mjs", "node", "o", "php", "pl", "pm", "py", "pyc", "pyo", "r", "rb", "scm", "sh", "so",
    "sys", "tcl", "ts", "war", "wasm", "zsh",
];

/// Endings of what is only read, wherever it is.
const DATA_ENDINGS: &[&str] = &[
    "cfg", "cmake", "conf", "crt", "css", "csv", "desktop", "gif", "gir", "h", "hh", "hpp", "html", "ico", "ini",
    "jpeg", "jpg", "json", "la", "list", "md", "mo", "mount", "otf", "pc", "pem", "png", "po", "pot", "preset", "rst",
    "service", "slice", "socket", "svg", "target", "timer", "tmpl", "toml", "ttf", "txt", "typelib", "woff", "woff2",
    "xml", "yaml", "yml",
];

/// Returns whether the file can run, or whether that is in doubt.
pub(crate) fn can_run(file: ListedFile<'_>) -> bool {
    if file.executable == Some(true) {
        return true;
    }
    let path = file.path.trim_start_matches('/');
    let within = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    if within(DATA_FOLDERS) {
        return false;
    }
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folders = folders.split('/');
    if folders.any(|folder| PROGRAM_FOLDERS.contains(&folder)) {
        return file.executable.is_none();
    }
    let ending = ending(name);
    if is_one_of(ending, CODE_ENDINGS) {
        return true;
    }
    !within(SETTINGS_FOLDERS) && !is_one_of(ending, DATA_ENDINGS)
}

fn is_one_of(ending: Option<&str>, endings: &[&str]) -> bool {
    ending.is_some_and(|ending| endings.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

/// Returns what stands behind the last dot, past versions (`libz.so.1.3` is `so`) and compression (`e1000.ko.xz` is `ko`).
fn ending(name: &str) -> Option<&str> {
    let mut rest = name;
    loop {
        let (before, last) = rest.rsplit_once('.')?;
        let is_version = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
        if !is_version && !matches!(last, "gz" | "xz" | "zst" | "bz2") {
            return Some(last);
        }
        rest = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, executable: Option<bool>, expected: bool) {
        assert_eq!(can_run(ListedFile { path, executable }), expected, "{path} {executable:?}");
    }

    #[test]
    fn what_is_only_read_is_no_code() {
        for path in [
            "/usr/share/doc/bash/copyright",
            "/usr/share/doc/python3/examples/demo.py",
            "/usr/share/man/man1/ls.1.gz",
            "/usr/share/zoneinfo/Europe/Berlin",
            "/usr/share/locale/de/LC_MESSAGES/bash.mo",
            "/usr/include/zlib.h",
            "/usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc",
            "/usr/lib/cmake/zstd/zstdConfig.cmake",
            "/usr/lib/systemd/system/cron.service",
            "/etc/mime.types",
            "/usr/share/readline/inputrc",
            "/var/lib/misc/state",
            "/LICENSE.txt",
        ] {
            check(path, None, false);
            check(path, Some(false), false);
            check(path, Some(true), true);
        }
    }

    #[test]
    fn what_runs_or_may_run_is_code() {
        for path in [
            "/lib/x86_64-linux-gnu/libz.so.1.2.13",
            "/usr/lib/libfoo.so",
            "/usr/lib/libfoo.a",
            "/usr/lib/modules/6.1.0/kernel/net/e1000.ko.xz",
            "/usr/lib/python3/dist-packages/yaml/__init__.py",
            "/usr/share/perl5/Debconf/Db.pm",
            "/usr/share/java/log4j-core-2.14.0.jar",
            "/usr/share/nodejs/npm/index.js",
            "/usr/share/MODULE.PY",
            "/boot/vmlinuz-6.1.0",
            "/opt/tool/runtime",
            "/usr/lib/foo/helper",
        ] {
            check(path, None, true);
            check(path, Some(false), true);
        }
    }

    #[test]
    fn a_program_folder_counts_unless_the_mode_denies_it() {
        for path in ["/bin/sh", "/usr/sbin/sshd", "/usr/libexec/git-core/git", "/etc/init.d/cron", "/usr/games/fortune"]
        {
            check(path, None, true);
            check(path, Some(false), false);
            check(path, Some(true), true);
        }
    }
}
