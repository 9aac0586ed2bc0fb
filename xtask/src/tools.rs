//! What the tests need on the machine: Debian packages, and pinned tools that are kept outside the checkout.

use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::steps::{Outcome, say};
use crate::workspace::{Workspace, execute, output, succeeds};

/// A program that tests run, and the Debian package that brings it.
struct Package {
    program: &'static str,
    package: &'static str,
}

const PACKAGES: [Package; 9] = [
    Package { program: "c++", package: "g++" },
    Package { program: "initdb", package: "postgresql" },
    Package { program: "skopeo", package: "skopeo" },
    Package { program: "buildah", package: "buildah" },
    Package { program: "podman", package: "podman" },
    Package { program: "ctr", package: "containerd" },
    Package { program: "strace", package: "strace" },
    Package { program: "chromium", package: "chromium" },
    Package { program: "zstd", package: "zstd" },
];

/// A client that is installed from its Go module. The version is pinned, so that a test's client changes by a commit.
struct GoModule {
    program: &'static str,
    package: &'static str,
    version: &'static str,
}

const GO_MODULES: [GoModule; 3] = [
    GoModule { program: "crane", package: "github.com/google/go-containerregistry/cmd/crane", version: "v0.22.1" },
    GoModule { program: "oras", package: "oras.land/oras/cmd/oras", version: "v1.3.6" },
    GoModule { program: "regctl", package: "github.com/regclient/regclient/cmd/regctl", version: "v0.11.7" },
];

/// Modules whose data tests read, or which they ask for the order of versions; they are fetched and not built.
const GO_TEST_DATA: [&str; 2] = ["github.com/anchore/go-rpmdb@v0.2.2", "golang.org/x/mod@v0.29.0"];

/// Programs that tests use where they are and that nothing here installs: clients, and outside tests.
const OPTIONAL_PROGRAMS: [&str; 6] =
    ["docker", "helm", "cosign", "notation", "oci-conformance", "oci-conformance-1.1.1"];

const CARGO_DENY_VERSION: &str = "0.20.2";

/// The directory for installed tools, and where programs are looked for.
pub(crate) struct Tools {
    root: PathBuf,
    search_path: Vec<PathBuf>,
}

impl Tools {
    pub(crate) fn open() -> anyhow::Result<Self> {
        let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?)
                .join(".cache"),
        };
        let root = cache.join("garrison").join("tools");
        let mut search_path = vec![root.join("bin")];
        search_path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        Ok(Self { root, search_path })
    }

    /// The PATH for steps: the installed tools, then what was there.
    pub(crate) fn path(&self) -> anyhow::Result<OsString> {
        std::env::join_paths(&self.search_path).context("a directory on PATH cannot be joined")
    }

    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        self.search_path.iter().map(|directory| directory.join(program)).find(|path| is_program(path))
    }

    /// Finds a program of `PostgreSQL`, which Debian keeps off PATH; the newest version wins.
    fn find_postgres(&self, program: &str) -> Option<PathBuf> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut versions: Vec<(u32, PathBuf)> = versions
            .filter_map(|entry| {
                Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin").join(program)))
            })
            .filter(|(_, path)| is_program(path))
            .collect();
        versions.sort();
        self.find(program).or_else(|| versions.pop().map(|(_, path)| path))
    }

    /// Installs the missing Debian packages.
    pub(crate) fn install_packages(&self, workspace: &Workspace) -> anyhow::Result<Outcome> {
        let missing = self.missing_packages();
        if missing.is_empty() {
            return Ok(Outcome::Passed);
        }
        if self.find("apt-get").is_none() {
            return Ok(Outcome::Skipped(format!("no apt-get here; install by hand: {}", missing.join(" "))));
        }
        // Ubuntu has no `chromium` package; one unknown name would stop apt-get from installing the others.
        let known = |package: &&str| succeeds(workspace.command("apt-cache").args(["show", package]));
        let lists_are_here = known(&"postgresql");
        if lists_are_here && !missing.iter().any(known) {
            return Ok(Outcome::Skipped(format!("apt-get has no package {}", missing.join(" "))));
        }
        say(&format!("installing Debian packages: {}", missing.join(" ")));
        apt(workspace, &["update", "--quiet"])?;
        let packages: Vec<&str> = missing.into_iter().filter(known).collect();
        apt(workspace, &[&["install", "--yes", "--quiet", "--no-install-recommends"], packages.as_slice()].concat())?;
        Ok(Outcome::Passed)
    }

    /// Installs the pinned Go clients that are absent or of another version, and fetches the modules whose data tests read.
    pub(crate) fn install_clients(&self, workspace: &Workspace) -> anyhow::Result<Outcome> {
        let Some(go) = self.find("go") else {
            return Ok(Outcome::Skipped("no go here; crane, oras and regctl come from PATH or not at all".to_owned()));
        };
        for module in &GO_MODULES {
            let binary = self.root.join("bin").join(module.program);
            let present = is_program(&binary)
                && output(workspace.command(&go).args(["version", "-m"]).arg(&binary))
                    .is_ok_and(|built| built.split_whitespace().any(|word| word == module.version));
            if present {
                continue;
            }
            say(&format!("installing {} {}", module.program, module.version));
            let package = format!("{}@{}", module.package, module.version);
            execute(
                workspace
                    .command(&go)
                    .args(["install", &package])
                    .env("GOBIN", self.root.join("bin"))
                    .env_remove("GOFLAGS"),
            )?;
        }
        execute(workspace.command(&go).args(["mod", "download"]).args(GO_TEST_DATA).env_remove("GOFLAGS"))?;
        Ok(Outcome::Passed)
    }

    /// Installs the pinned cargo-deny unless it is there.
    pub(crate) fn install_cargo_deny(&self, workspace: &Workspace) -> anyhow::Result<Outcome> {
        let binary = self.root.join("bin").join("cargo-deny");
        let present = is_program(&binary)
            && output(workspace.command(&binary).arg("--version"))
                .is_ok_and(|version| version.split_whitespace().any(|word| word == CARGO_DENY_VERSION));
        if !present {
            say(&format!("installing cargo-deny {CARGO_DENY_VERSION}"));
            // Its own target directory: the workspace's would keep its objects for ever.
            execute(
                workspace
                    .cargo()
                    .args(["install", "--locked", "cargo-deny", "--version", CARGO_DENY_VERSION, "--root"])
                    .arg(&self.root)
                    .env_remove("CARGO_TARGET_DIR"),
            )?;
        }
        Ok(Outcome::Passed)
    }

    /// Everything that tests would use and that is not here, one sentence each.
    pub(crate) fn absent(&self) -> Vec<String> {
        let packages = PACKAGES.iter().filter(|package| !self.is_present(package)).map(|package| package.program);
        let modules = GO_MODULES.iter().map(|module| module.program).filter(|program| self.find(program).is_none());
        let beside: Vec<PathBuf> = ["GARRISON_REFEREES", "GARRISON_PEERS"]
            .iter()
            .filter_map(std::env::var_os)
            .flat_map(|directories| std::env::split_paths(&directories).collect::<Vec<_>>())
            .collect();
        let optional = OPTIONAL_PROGRAMS.into_iter().filter(|program| {
            self.find(program).is_none() && !beside.iter().any(|directory| is_program(&directory.join(program)))
        });
        packages.chain(modules).chain(optional).map(|program| format!("{program}: tests that run it did not")).collect()
    }

    fn missing_packages(&self) -> Vec<&'static str> {
        PACKAGES.iter().filter(|package| !self.is_present(package)).map(|package| package.package).collect()
    }

    fn is_present(&self, package: &Package) -> bool {
        self.find_postgres(package.program).is_some()
    }
}

fn apt(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = workspace.command(if is_root() { "env" } else { "sudo" });
    if !is_root() {
        // Without a terminal nobody can type a password: fail instead of waiting.
        command.args((!std::io::stdin().is_terminal()).then_some("--non-interactive")).arg("env");
    }
    execute(command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments))
        .context("install by hand what is missing, or go on without it: --no-install")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
