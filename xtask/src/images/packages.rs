//! Images of real packages, put there by their own tools.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::layout::{Layout, architecture};
use super::workshop;
use crate::workspace::{execute, output};

/// What is asked for; what it depends on comes with it.
const DEBIAN: [&str; 6] = ["bash", "coreutils", "python3-minimal", "perl-base", "openssl", "git"];
const PYTHON: [&str; 6] =
    ["flask==2.2.2", "requests==2.28.1", "jinja2==3.1.2", "boto3==1.26.0", "fastapi==0.95.0", "celery==5.2.7"];
const NODE: [&str; 6] =
    ["express@4.17.1", "lodash@4.17.15", "axios@0.21.1", "webpack@5.75.0", "jest@29.0.0", "eslint@8.30.0"];

/// Unpacks packages beside a database that says what dpkg's would.
pub(super) fn debian(place: &Path) -> anyhow::Result<()> {
    let workshop = workshop(place)?;
    let (root, archives) = (workshop.path().join("root"), workshop.path().join("archives"));
    fs::create_dir_all(root.join("var/lib/dpkg/info"))?;
    fs::create_dir_all(&archives)?;
    let kinds = ["--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"];
    let listed = output(Command::new("apt-cache").args(["depends", "--recurse"]).args(kinds).args(DEBIAN))?;
    // Names alone, without those of virtual packages and of other architectures.
    let names = listed
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit()));
    let names: Vec<&str> = names.filter(|name| !name.contains(':')).collect();
    execute(
        Command::new("apt-get")
            .args(["download", "-qq", "-o", "APT::Sandbox::User=root"])
            .args(names)
            .current_dir(&archives),
    )?;

    let mut archives: Vec<_> =
        fs::read_dir(&archives)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    archives.sort();
    ensure!(!archives.is_empty(), "apt downloaded nothing");
    let mut status = String::new();
    for archive in &archives {
        execute(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&root))?;
        let control = output(Command::new("dpkg-deb").arg("-f").arg(archive))?;
        let field = |name: &str| {
            let value = control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("{} has no {name}", archive.display()))
        };
        let (package, rest) = control.split_once('\n').context("a control file has fields")?;
        let _ = write!(status, "{package}\nStatus: install ok installed\n{}\n\n", rest.trim_end());
        let is_shared = control.lines().any(|line| line == "Multi-Arch: same");
        let name =
            if is_shared { format!("{}:{}", field("Package")?, field("Architecture")?) } else { field("Package")? };
        let contents =
            output(Command::new("sh").arg("-c").arg("dpkg-deb --fsys-tarfile \"$0\" | tar -t").arg(archive))?;
        let mut list = String::new();
        for path in contents.lines() {
            let _infallible = writeln!(list, "{}", path.trim_start_matches('.').trim_end_matches('/'));
        }
        fs::write(root.join(format!("var/lib/dpkg/info/{name}.list")), list)?;
    }
    fs::write(root.join("var/lib/dpkg/status"), status)?;
    fs::create_dir_all(root.join("etc"))?;
    fs::copy("/etc/os-release", root.join("etc/os-release"))?;
    finish(place, &root)
}

pub(super) fn python(place: &Path) -> anyhow::Result<()> {
    let workshop = workshop(place)?;
    let packages = workshop.path().join("usr/lib/python3/dist-packages");
    execute(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-warn-conflicts", "--root-user-action=ignore", "--target"])
            .arg(&packages)
            .args(PYTHON),
    )?;
    finish(place, workshop.path())
}

pub(super) fn node(place: &Path) -> anyhow::Result<()> {
    let workshop = workshop(place)?;
    let app = workshop.path().join("app");
    fs::create_dir_all(&app)?;
    fs::write(app.join("package.json"), r#"{"name":"app","version":"1.0.0","private":true}"#)?;
    // Nothing that is installed runs.
    let quiet = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
    execute(Command::new("npm").args(quiet).args(NODE).current_dir(&app))?;
    finish(place, workshop.path())
}

fn finish(place: &Path, root: &Path) -> anyhow::Result<()> {
    let mut layout = Layout::new(place)?;
    layout.directory(root)?;
    layout.finish(architecture())
}
