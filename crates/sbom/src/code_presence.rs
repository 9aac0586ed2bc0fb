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
    "usr/include/asm/",
    "usr/include/asm-generic/",
    "usr/include/drm/",
    "usr/include/linux/",
    "usr/include/misc/",
    "usr/include/mtd/",
    "usr/include/rdma/",
    "usr/include/scsi/",
    "usr/include/sound/",
    "usr/include/video/",
    "usr/include/xen/",
    "usr/lib/locale/",
    "usr/share/aclocal/",
    "usr/share/X11/locale/",
    "usr/share/X11/xkb/",
    "usr/share/appdata/",
    "usr/share/applications/",
    "usr/share/backgrounds/",
    "usr/share/base-files/",
    "usr/share/bug/",
    "usr/share/ca-certificates/",
    "usr/share/common-licenses/",
    "usr/share/dict/",
    "usr/share/doc-base/",
    "usr/share/doc/",
    "usr/share/fonts/",
    "usr/share/gir-1.0/",
    "usr/share/gtk-doc/",
    "usr/share/help/",
    "usr/share/hunspell/",
    "usr/share/hwdata/",
    "usr/share/i18n/",
    "usr/share/icons/",
    "usr/share/info/",
    "usr/share/keyrings/",
    "usr/share/licenses/",
    "usr/share/lintian/",
    "usr/share/locale/",
    "usr/share/man/",
    "usr/share/menu/",
    "usr/share/metainfo/",
    "usr/share/mime/",
    "usr/share/misc/",
    "usr/share/myspell/",
    "usr/share/pixmaps/",
    "usr/share/pkgconfig/",
    "usr/share/readline/",
    "usr/share/sounds/",
    "usr/share/tabset/",
    "usr/share/terminfo/",
    "usr/share/zoneinfo/",
    "lib/terminfo/",
    "usr/lib/terminfo/",
];

/// Where most files are settings: there a file is code only when its mode, its folder or its name says so.
const SETTINGS_FOLDERS: &[&str] = &["etc/", "usr/lib/os-release", "var/"];

/// Where programs keep what they read, and also what they run: wheels, firmware, scripts of every language. There a file without an ending is data when its
/// mode is known and does not say that it runs.
const SHARED_FOLDERS: &[&str] = &["usr/share/"];

/// Folders in which everything is meant to be run.
const PROGRAM_FOLDERS: &[&str] = &[
    "bin",
    "cron.daily",
    "cron.hourly",
    "cron.monthly",
    "cron.weekly",
    "dispatcher.d",
    "games",
    "grub.d",
    "hooks",
    "if-down.d",
    "if-post-down.d",
    "if-pre-up.d",
    "if-up.d",
    "init.d",
    "ip-down.d",
    "ip-up.d",
    "libexec",
    "postinst.d",
    "postrm.d",
    "sbin",
    "scripts",
    "update-motd.d",
    "Xsession.d",
];

/// Endings of what a processor, an interpreter or a kernel runs, and of machine code that goes into it.
const CODE_ENDINGS: &[&str] = &[
    "a", "awk", "bash", "bin", "cgi", "class", "cjs", "dll", "dylib", "ear", "efi", "egg", "el", "elc", "exe", "fd",
    "fw", "inc", "jar", "jmod", "js", "ko", "lua", "mjs", "node", "o", "phar", "php", "pl", "pm", "py", "pyc", "pyo",
    "pyz", "r", "rb", "rom", "scm", "sh", "so", "sys", "tcl", "ts", "vim", "war", "wasm", "whl", "zsh",
];

/// Endings of what is only read, wherever it is. Headers are compiled into what includes them: libraries of templates are nothing else.
const DATA_ENDINGS: &[&str] = &[
    "afm",
    "asc",
    "automount",
    "cfg",
    "cmake",
    "conf",
    "crt",
    "css",
    "csv",
    "desktop",
    "dtd",
    "ent",
    "gif",
    "gir",
    "gpg",
    "html",
    "icc",
    "icm",
    "ico",
    "ini",
    "jpeg",
    "jpg",
    "json",
    "la",
    "link",
    "list",
    "md",
    "mo",
    "mount",
    "mp3",
    "netdev",
    "network",
    "oga",
    "ogg",
    "otf",
    "path",
    "pc",
    "pem",
    "pgp",
    "png",
    "po",
    "pot",
    "preset",
    "rng",
    "rst",
    "scope",
    "service",
    "slice",
    "socket",
    "svg",
    "svgz",
    "swap",
    "target",
    "timer",
    "tmpl",
    "toml",
    "ttf",
    "txt",
    "typelib",
    "wav",
    "webp",
    "woff",
    "woff2",
    "xml",
    "xpm",
    "xsd",
    "yaml",
    "yml",
];

/// Whether this is a header of the kernel for one architecture: `usr/include/x86_64-linux-gnu/asm/unistd.h`.
fn is_kernel_header(path: &str) -> bool {
    let architecture = path.strip_prefix("usr/include/").and_then(|rest| rest.split_once('/'));
    architecture.is_some_and(|(triplet, rest)| triplet.contains("-linux-gnu") && rest.starts_with("asm/"))
}

/// Returns whether the file can run, or whether that is in doubt.
pub(crate) fn can_run(file: ListedFile<'_>) -> bool {
    if file.executable == Some(true) {
        return true;
    }
    let path = file.path.trim_start_matches('/');
    let within = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    if within(DATA_FOLDERS) || is_kernel_header(path) {
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
    let is_shared = ending.is_none() && file.executable == Some(false) && within(SHARED_FOLDERS);
    !is_shared && !within(SETTINGS_FOLDERS) && !is_one_of(ending, DATA_ENDINGS)
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
            "/usr/include/linux/if.h",
            "/usr/include/x86_64-linux-gnu/asm/unistd.h",
            "/usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc",
            "/usr/lib/cmake/zstd/zstdConfig.cmake",
            "/usr/lib/systemd/system/cron.service",
            "/usr/lib/systemd/network/99-default.link",
            "/etc/mime.types",
            "/usr/share/readline/inputrc",
            "/usr/share/keyrings/debian-archive-keyring.pgp",
            "/usr/share/terminfo/s/screen.xterm-256color",
            "/usr/share/color/icc/ghostscript/default_cmyk.icc",
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
            "/usr/share/python-wheels/pip-23.0.1-py3-none-any.whl",
            "/usr/share/OVMF/OVMF_CODE.fd",
            "/usr/share/vim/vim90/autoload/tar.vim",
            "/usr/share/ghostscript/10.0/Resource/Init/gs_init.ps",
            "/usr/share/wordpress/wp-includes/class.inc",
            "/usr/share/xml/docbook/stylesheet/chunk.xsl",
            "/usr/share/ruby/bundle.tar.gz",
            "/boot/vmlinuz-6.1.0",
            "/opt/tool/runtime",
            "/usr/lib/foo/helper",
            "/usr/include/rapidjson/document.h",
            "/usr/include/eigen3/Eigen/Dense",
            "/usr/include/nlohmann/json.hpp",
            "/usr/include/x86_64-linux-gnu/openssl/configuration.h",
            "/usr/lib/systemd/systemd-timesyncd",
            "/usr/lib/systemd/system-generators/zram-generator",
        ] {
            check(path, None, true);
            check(path, Some(false), true);
        }
    }

    #[test]
    fn a_program_folder_or_a_shared_one_counts_unless_the_mode_denies_it() {
        for path in [
            "/bin/sh",
            "/usr/sbin/sshd",
            "/usr/libexec/git-core/git",
            "/etc/init.d/cron",
            "/usr/games/fortune",
            "/etc/cron.daily/apt-compat",
            "/usr/share/initramfs-tools/scripts/init-premount/dropbear",
            "/usr/share/git-core/contrib/helper",
        ] {
            check(path, None, true);
            check(path, Some(false), false);
            check(path, Some(true), true);
        }
    }
}
