//! What lies behind symbolic links: files are looked for by their own paths, before it is known what leads to them. Within a layer or a directory that is
//! followed afterwards; what is not read all the same is told.

use component::{Location, Unknown};

use crate::layer::{FileKind, Kept, LINK, LayerRecord};
use crate::view::{Paths, Tree};

/// Where package managers look for what is installed. Each folder on the way may be a link.
const DATABASES: [&str; 11] = [
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "usr/lib/opkg/status",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/dpkg/status",
    "var/lib/opkg/status",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
];

/// The folders of these, each of which may lead elsewhere as a whole.
const FOLDERS: [&str; 7] = [
    "lib/apk/db",
    "usr/lib/apk/db",
    "usr/lib/opkg",
    "usr/lib/sysimage/rpm",
    "var/lib/dpkg",
    "var/lib/opkg",
    "var/lib/rpm",
];

/// A folder that leads elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    folder: &'static str,
    /// The folder that it leads to.
    pub(crate) target: String,
}

impl Moved {
    /// Returns what a file is called in the folder, if it is in the one that this leads to.
    pub(crate) fn other_name(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(self.target.as_str())?;
        rest.starts_with('/').then(|| [self.folder, rest].concat())
    }
}

/// What the links of one layer lead to in it.
pub(crate) struct Followed {
    /// Links that some cataloger wants by their names, each with the file that it leads to, as records.
    pub(crate) files: Vec<(u32, u32)>,
    pub(crate) moved: Vec<Moved>,
}

/// Follows the links of a layer as far as it says itself what they lead to.
pub(crate) fn followed(layer: &LayerRecord) -> Followed {
    let layers = [layer];
    let paths = Paths::new(&layers);
    let is_link = |kept: &&Kept| kept.extractor.as_deref() == Some(LINK);
    let links = layer.kept().iter().filter(is_link).map(|kept| kept.record);
    let files = links.filter_map(|link| Some((link, paths.file(&layer.path(link))?)));
    Followed { files: files.collect(), moved: moved_folders(&paths) }
}

/// Returns the folders of package databases that lead elsewhere.
pub(crate) fn moved_folders(paths: &Paths<'_>) -> Vec<Moved> {
    let moved = FOLDERS.into_iter().filter_map(|folder| {
        let target = paths.resolve(folder).filter(|target| target != folder && !target.is_empty())?;
        Some(Moved { folder, target })
    });
    moved.collect()
}

/// Returns the links that some cataloger wants by their names, and the databases behind links, that lead to a file of which nothing is read. Of a directory
/// also those that lead out of it; out of an image leads nothing.
pub(crate) fn unread(tree: &Tree<'_>, paths: &Paths<'_>, is_image: bool) -> Vec<Unknown> {
    let links = tree.links().map(|(path, layer)| (path.trim_start_matches('/'), layer));
    let wanted = links.chain(DATABASES.map(|path| (path, None)));
    let unread = wanted.filter_map(|(path, layer)| {
        let target = paths.resolve(path).filter(|target| target != path)?;
        let reason = match paths.kind(&target) {
            Some(FileKind::File) if !tree.is_read(path, &target) => {
                format!("it leads to `/{target}`, which is not read")
            }
            None if !is_image => {
                let target = paths.link(path).filter(|target| leads_out(path, target))?;
                format!("it leads to `{target}`, which is outside and not read")
            }
            _ => return None,
        };
        Some(Unknown { location: Location::new(format!("/{path}"), layer), reason })
    });
    unread.collect()
}

/// Tells whether a link, by its own text, leaves the root that its path is below.
fn leads_out(path: &str, target: &str) -> bool {
    let mut depth = path.matches('/').count();
    target.starts_with('/')
        || target.split('/').any(|part| match part {
            "" | "." => false,
            ".." if depth == 0 => true,
            ".." => {
                depth -= 1;
                false
            }
            _ => {
                depth += 1;
                false
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Allowance, LayerBuilder, LayerScope, Matcher, Source, catalogers, inventory};

    /// Makes an inventory of files (path, text) and links (path, target); returns its components and unknowns.
    fn found(files: &[(&str, &str)], links: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let matcher = Matcher::new(catalogers().iter().collect());
        let allowance = Allowance::new(|| unreachable!("all fits into memory"));
        let mut builder = LayerBuilder::new(&matcher, &allowance);
        for (path, target) in links {
            builder.add(path, FileKind::Symlink, 0o777, Some(target)).expect("the links make a layer");
        }
        for (path, text) in files {
            builder.add_file(path, 0o644, text.len() as u64, &mut text.as_bytes()).expect("the files make a layer");
        }
        let open = |path: &str| {
            let (_, text) = files.iter().find(|(file, _)| *file == path).expect("only what is there is opened");
            let mut file = tempfile::tempfile()?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            std::io::Seek::rewind(&mut file)?;
            Ok(file)
        };
        builder.read_linked_files(open).expect("the links make a layer");
        let record = builder.finish();
        let source = Source {
            subject: component::Subject::Directory { name: "test".to_owned() },
            layers: Vec::new(),
            records: &[&record],
            created: None,
        };
        let inventory = inventory(source, &matcher, LayerScope::Squashed);
        let told = inventory.unknowns.into_iter().map(|unknown| format!("{}: {}", unknown.location, unknown.reason));
        (inventory.components.into_iter().map(|component| component.name).collect(), told.collect())
    }

    #[test]
    fn what_links_lead_to_is_read_or_told() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
        let check = |files: &[(&str, &str)], links: &[(&str, &str)], components: &[&str], unknowns: &[&str]| {
            let (names, told) = found(files, links);
            assert_eq!(
                (names, told),
                (
                    components.iter().map(ToString::to_string).collect(),
                    unknowns.iter().map(ToString::to_string).collect()
                ),
                "{links:?}"
            );
        };
        // A database in a folder that has another name.
        check(&[("usr/share/elsewhere/status", status)], &[("var/lib/dpkg", "/usr/share/elsewhere")], &["a"], &[]);
        check(&[("opt/dp/status", status)], &[("var/lib/dpkg", "../../opt/dp")], &["a"], &[]);
        check(&[("opt/dp/status", status)], &[("var/lib/dpkg", "l"), ("var/lib/l", "../../opt/dp")], &["a"], &[]);
        // One that is read where it is.
        check(&[("data/lib/dpkg/status", status)], &[("var", "data")], &["a"], &[]);
        check(&[("var/lib/dpkg/status", status)], &[("lib", "var/lib")], &["a"], &[]);
        // A file that is wanted by its name.
        check(
            &[("srv/pins", "p==1\n")],
            &[("app/requirements.txt", "../srv/pins"), ("b/requirements.txt", "../app/requirements.txt")],
            &["p"],
            &[
                "/app/requirements.txt: asks for p 1: nothing here says what these need in turn",
                "/b/requirements.txt: asks for p 1: nothing here says what these need in turn",
            ],
        );
        // One whose bytes several names want, each otherwise.
        check(
            &[("pins", "p==1\n")],
            &[("requirements.txt", "pins"), ("Cargo.lock", "pins")],
            &["p"],
            &[
                "/Cargo.lock: the lockfile is not TOML of the expected form",
                "/requirements.txt: asks for p 1: nothing here says what these need in turn",
            ],
        );
        check(
            &[("srv/requirements.txt", "p==1\n")],
            &[("app/requirements.txt", "../srv/requirements.txt")],
            &["p"],
            &["/srv/requirements.txt: asks for p 1: nothing here says what these need in turn"],
        );
        // What leads out of the root.
        for target in ["../../../etc/hostname", "../../etc/hostname", "x/../../../y", "/etc/hostname"] {
            let told = format!("/app/requirements.txt: it leads to `{target}`, which is outside and not read");
            check(&[], &[("app/requirements.txt", target)], &[], &[&told]);
        }
        check(&[("etc/hostname", "")], &[("app/x/requirements.txt", "../../srv")], &[], &[]);
        // What leads nowhere, to a folder or to itself hides nothing.
        check(&[], &[("app/requirements.txt", "gone")], &[], &[]);
        check(&[("app/folder/file", "")], &[("app/requirements.txt", "folder")], &[], &[]);
        check(&[], &[("app/requirements.txt", "requirements.txt")], &[], &[]);
        // Nobody wants a link of this name.
        check(&[("srv/pins", "p==1\n")], &[("app/notes.txt", "../srv/pins")], &[], &[]);
    }
}
