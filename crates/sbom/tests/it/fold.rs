//! Layers laid over each other.

use component::{Inventory, Subject};
use proptest::prelude::*;
use sbom::{Allowance, LayerRecord, LayerScope, Matcher, Source, catalogers, inventory, read_layer};

use crate::archive::{Entry, file, tar};

fn matcher() -> Matcher {
    Matcher::new(catalogers().iter().collect())
}

fn record(matcher: &Matcher, entries: &[Entry]) -> LayerRecord {
    let allowance = Allowance::new(tempfile::tempfile);
    let tar = tar(entries);
    let layer: Result<_, sbom::Error> = read_layer(|| Ok(&*tar), None, None, matcher, &allowance);
    let layer = layer.expect("the layer is whole");
    // As from a cache: what cannot be stored is not used.
    LayerRecord::from_bytes(&layer.record.to_bytes()).expect("a stored record can be read")
}

fn fold(layers: &[Vec<Entry>], scope: LayerScope) -> Inventory {
    let matcher = matcher();
    let records: Vec<LayerRecord> = layers.iter().map(|entries| record(&matcher, entries)).collect();
    let records: Vec<&LayerRecord> = records.iter().collect();
    let subject = Subject::Image { name: "test".to_owned(), digest: String::new(), platform: None };
    inventory(Source { subject, layers: Vec::new(), records: &records, created: None }, &matcher, scope)
}

/// The id of the distribution that a container made of the layers sees.
fn check(layers: &[&[Entry]], expected: Option<&str>) {
    let layers: Vec<Vec<Entry>> = layers.iter().map(|entries| entries.to_vec()).collect();
    let found = fold(&layers, LayerScope::Squashed).distribution.map(|found| found.id);
    assert_eq!(found.as_deref(), expected, "{layers:?}");
}

fn release(path: &'static str, id: &str) -> Entry {
    file(path, format!("ID={id}\n"))
}

#[test]
fn whiteouts_and_replacements_hide_what_is_below() {
    let etc = "etc/os-release";
    check(&[], None);
    check(&[&[release(etc, "one")]], Some("one"));
    check(&[&[release(etc, "one")], &[release(etc, "two")]], Some("two"));
    check(&[&[release(etc, "one")], &[file("etc/.wh.os-release", "")]], None);
    check(&[&[release(etc, "one")], &[file(".wh.etc", "")]], None);
    check(&[&[release(etc, "one")], &[file("etc/.wh..wh..opq", "")]], None);
    check(&[&[release(etc, "one")], &[file(".wh..wh..opq", "")]], None);
    check(&[&[release(etc, "one")], &[file("etc", "now a file")]], None);
    check(&[&[release(etc, "one")], &[Entry::Directory("etc/os-release/")]], None);
    check(&[&[release(etc, "one")], &[Entry::Symlink("etc", "/nowhere")]], None);
    check(&[&[release(etc, "one")], &[Entry::Directory("etc/")]], Some("one"));
    check(&[&[release(etc, "one")], &[file("etc/.wh.other", "")]], Some("one"));
    check(&[&[release(etc, "one")], &[file("usr/.wh..wh..opq", "")]], Some("one"));
}

#[test]
fn a_whiteout_hides_nothing_of_its_own_layer_nor_of_those_above() {
    let etc = "etc/os-release";
    check(&[&[release(etc, "one")], &[file("etc/.wh..wh..opq", ""), release(etc, "two")]], Some("two"));
    check(&[&[release(etc, "one")], &[release(etc, "two"), file("etc/.wh..wh..opq", "")]], Some("two"));
    check(&[&[file("etc/.wh.os-release", "")], &[release(etc, "two")]], Some("two"));
}

#[test]
fn the_last_entry_of_a_path_counts() {
    check(&[&[release("etc/os-release", "one"), release("./etc//os-release", "two")]], Some("two"));
}

#[test]
fn links_are_followed_and_do_not_run_in_circles() {
    let usr = release("usr/lib/os-release", "one");
    check(&[&[usr.clone(), Entry::Symlink("etc/os-release", "../usr/lib/os-release")]], Some("one"));
    check(&[std::slice::from_ref(&usr), &[Entry::Symlink("etc/os-release", "/usr/lib/os-release")]], Some("one"));
    check(
        &[std::slice::from_ref(&usr), &[Entry::Symlink("etc/os-release", "../../../usr/lib/os-release")]],
        Some("one"),
    );
    check(&[&[Entry::Symlink("etc/os-release", "os-release")]], None);
    check(&[&[Entry::Symlink("etc", "b"), Entry::Symlink("b", "etc")]], None);
    check(&[&[usr, Entry::HardLink("etc/os-release", "usr/lib/os-release")]], Some("one"));
}

#[test]
fn links_are_followed_to_what_their_layer_kept_and_told_else() {
    let lock = |name: &str| format!("version = 3\n\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
    let check = |layers: &[&[Entry]], components: &[&str], told: &[&str]| {
        let layers: Vec<Vec<Entry>> = layers.iter().map(|entries| entries.to_vec()).collect();
        let found = fold(&layers, LayerScope::Squashed);
        let names: Vec<String> = found.components.into_iter().map(|component| component.name).collect();
        let unknowns = found.unknowns.iter().map(|unknown| format!("{}: {}", unknown.location.path, unknown.reason));
        assert_eq!((names, unknowns.collect::<Vec<_>>()), (owned(components), owned(told)), "{layers:?}");
        assert!(found.unknowns.iter().all(sbom::hides_packages));
    };
    let store = file("store", lock("a"));
    let link = Entry::Symlink("x/Cargo.lock", "../store");
    let unread = "/x/Cargo.lock: it leads to `/store`, which is not read";
    check(&[&[store.clone(), link.clone()]], &["a"], &[]);
    // The bytes are in a layer that knows of no link to them.
    check(&[std::slice::from_ref(&store), std::slice::from_ref(&link)], &[], &[unread]);
    check(&[std::slice::from_ref(&link), std::slice::from_ref(&store)], &[], &[unread]);
    check(&[&[store.clone(), link.clone()], &[file("store", lock("b"))]], &[], &[unread]);
    // What the layer of the file kept for another link of the same kind.
    let other = Entry::Symlink("y/Cargo.lock", "/x/Cargo.lock");
    check(&[&[store.clone(), link.clone()], std::slice::from_ref(&other)], &["a"], &[]);
    check(&[&[store.clone(), link.clone()], &[other, file("x/.wh.Cargo.lock", "")]], &[], &[]);
    // The link is gone, or stands for something else.
    check(&[&[store.clone(), link.clone()], &[file("x/.wh.Cargo.lock", "")]], &[], &[]);
    check(&[&[store.clone(), link.clone()], &[file(".wh.store", "")]], &[], &[]);
    check(&[&[store, link], &[file("x/Cargo.lock", lock("b"))]], &["b"], &[]);
}

#[test]
fn a_hard_link_is_the_file_that_a_lower_layer_has() {
    let lock = |name: &str| format!("version = 3\n\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
    let check = |layers: &[&[Entry]], components: &[&str], told: &[&str]| {
        let layers: Vec<Vec<Entry>> = layers.iter().map(|entries| entries.to_vec()).collect();
        let found = fold(&layers, LayerScope::Squashed);
        let names = found.components.iter().map(|component| {
            let places = component.locations.iter().map(|location| format!(" {}@{:?}", location.path, location.layer));
            places.fold(component.name.clone(), |text, place| text + &place.replace("Some", ""))
        });
        let names: Vec<String> = names.collect();
        let unknowns = found.unknowns.iter().map(|unknown| format!("{}: {}", unknown.location.path, unknown.reason));
        assert_eq!((names, unknowns.collect::<Vec<_>>()), (owned(components), owned(told)), "{layers:?}");
        assert!(found.unknowns.iter().all(sbom::hides_packages));
    };
    let own = file("a/Cargo.lock", lock("a"));
    let own = std::slice::from_ref(&own);
    let link = Entry::HardLink("b/Cargo.lock", "a/Cargo.lock");
    let link = std::slice::from_ref(&link);
    let gone = file("a/.wh.Cargo.lock", "");
    let gone = std::slice::from_ref(&gone);
    check(&[own, link], &["a /a/Cargo.lock@(0) /b/Cargo.lock@(1)"], &[]);
    check(
        &[own, &[Entry::HardLink("./b/Cargo.lock", "/a//Cargo.lock")]],
        &["a /a/Cargo.lock@(0) /b/Cargo.lock@(1)"],
        &[],
    );
    // It stays whatever becomes of the other name.
    check(&[own, link, gone], &["a /b/Cargo.lock@(1)"], &[]);
    check(&[own, &[link, gone].concat()], &["a /b/Cargo.lock@(1)"], &[]);
    check(&[own, link, &[file("a/Cargo.lock", lock("c"))]], &["a /b/Cargo.lock@(1)", "c /a/Cargo.lock@(2)"], &[]);
    check(
        &[own, &[link, &[file("a/Cargo.lock", lock("c"))]].concat()],
        &["a /b/Cargo.lock@(1)", "c /a/Cargo.lock@(1)"],
        &[],
    );
    // Links to links, of the same layer and of others.
    let next = Entry::HardLink("c/Cargo.lock", "b/Cargo.lock");
    let next = std::slice::from_ref(&next);
    let both = &["a /b/Cargo.lock@(1) /c/Cargo.lock@(2)"];
    check(&[own, link, &[next, gone].concat()], both, &[]);
    check(&[own, &[link, next, gone].concat()], &["a /b/Cargo.lock@(1) /c/Cargo.lock@(1)"], &[]);
    // A symbolic link leads to it, or is on the way to it.
    check(
        &[own, link, &[gone, &[Entry::Symlink("c/Cargo.lock", "../b/Cargo.lock")]].concat()],
        &["a /b/Cargo.lock@(1)"],
        &[],
    );
    check(
        &[&[own, &[Entry::Symlink("z", "a")]].concat(), &[Entry::HardLink("b/Cargo.lock", "z/Cargo.lock")]],
        &["a /a/Cargo.lock@(0) /b/Cargo.lock@(1)"],
        &[],
    );
    // What the lower layer's other links kept of a file that nobody wants by its own name.
    let store = file("store", lock("a"));
    let store = std::slice::from_ref(&store);
    let stored = Entry::HardLink("b/Cargo.lock", "store");
    let stored = std::slice::from_ref(&stored);
    let followed = [store, &[Entry::Symlink("d/Cargo.lock", "/store")]].concat();
    check(&[&followed, stored], &["a /b/Cargo.lock@(1) /d/Cargo.lock@(0)"], &[]);
    // Nothing was kept of it, or it is not there.
    let told = "/b/Cargo.lock: a hard link to `store`, whose bytes were not kept";
    check(&[store, stored], &[], &[told]);
    check(&[stored], &[], &[told]);
    check(&[stored, store], &[], &[told]);
    check(&[store, &[file(".wh.store", "")], stored], &[], &[told]);
    check(&[&[Entry::Directory("store")], stored], &[], &[told]);
    check(&[store, stored, &[file("b/.wh.Cargo.lock", "")]], &[], &[]);
    check(&[store, &[Entry::HardLink("b/unwanted", "store")]], &[], &[]);
    // It is a link, which leads to what is not read.
    let unread = "/b/Cargo.lock: it leads to `/store`, which is not read";
    check(
        &[store, &[Entry::Symlink("d/Cargo.lock", "/store")], &[Entry::HardLink("b/Cargo.lock", "d/Cargo.lock")]],
        &[],
        &[unread, &unread.replace("/b/", "/d/")],
    );
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Files that together are a small system, whatever catalogers there are.
const SYSTEM: &[(&str, &str)] = &[
    ("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n"),
    (
        "lib/apk/db/installed",
        "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\np:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\n\n",
    ),
    (
        "app/package-lock.json",
        r#"{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0","dependencies":{"a":"^1"}},"node_modules/a":{"version":"1.2.3"}}}"#,
    ),
    ("app/node_modules/a/package.json", r#"{"name":"a","version":"1.2.3","license":"MIT"}"#),
    ("usr/lib/python3/site-packages/b-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: b\nVersion: 1.0\n"),
    ("usr/lib/python3/site-packages/b-1.0.dist-info/RECORD", "b.py,,\n"),
    ("src/Cargo.lock", "version = 3\n\n[[package]]\nname = \"c\"\nversion = \"0.1.0\"\n"),
];

/// The same files where they stood for a while, each with what deletes it: itself, a folder of it, or all that a folder holds.
const GONE: &[(&str, [&str; 3])] = &[
    ("usr/lib/os-release", ["usr/lib/.wh.os-release"; 3]),
    ("gone/lib/apk/db/installed", ["gone/lib/apk/db/.wh.installed", "gone/lib/.wh.apk", "gone/.wh..wh..opq"]),
    ("gone/app/package-lock.json", ["gone/app/.wh.package-lock.json", ".wh.gone", "gone/app/.wh..wh..opq"]),
    (
        "gone/node_modules/a/package.json",
        ["gone/node_modules/a/.wh.package.json", "gone/node_modules/.wh.a", "gone/.wh..wh..opq"],
    ),
    (
        "gone/site-packages/b-1.0.dist-info/METADATA",
        [
            "gone/site-packages/b-1.0.dist-info/.wh.METADATA",
            "gone/.wh.site-packages",
            "gone/site-packages/.wh..wh..opq",
        ],
    ),
    (
        "gone/site-packages/b-1.0.dist-info/RECORD",
        ["gone/site-packages/b-1.0.dist-info/.wh.RECORD", "gone/.wh.site-packages", "gone/site-packages/.wh..wh..opq"],
    ),
    ("gone/Cargo.lock", ["gone/.wh.Cargo.lock", ".wh.gone", "gone/.wh..wh..opq"]),
];

/// The names of the same files where their bytes stand elsewhere, and their own are links: nobody wants them by these.
const STORED: [&str; 7] = ["store/0", "store/1", "store/2", "store/3", "store/4", "store/5", "store/6"];

const STORED_FROM_ROOT: [&str; 7] =
    ["/store/0", "/store/1", "/store/2", "/store/3", "/store/4", "/store/5", "/store/6"];

/// The names of the same files where a lower layer has them, and their own are hard links to it.
const BELOW: [&str; 7] = [
    "below/0/etc/os-release",
    "below/1/lib/apk/db/installed",
    "below/2/package-lock.json",
    "below/3/node_modules/a/package.json",
    "below/4/b-1.0.dist-info/METADATA",
    "below/5/b-1.0.dist-info/RECORD",
    "below/6/Cargo.lock",
];

/// Returns a file of the system with this text, in one of the forms that layers have it in.
fn placed(index: usize, text: impl Into<Vec<u8>>, form: Form) -> Vec<Entry> {
    let path = SYSTEM[index].0;
    match form {
        Form::Plain => vec![file(path, text)],
        Form::HardLink => vec![file(STORED[index], text), Entry::HardLink(path, STORED[index])],
        Form::Symlink => vec![file(STORED[index], text), Entry::Symlink(path, STORED_FROM_ROOT[index])],
    }
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    HardLink,
    Symlink,
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Plain), Just(Form::HardLink), Just(Form::Symlink)]
}

/// What stood in a file before: another version, as good to read.
fn older(text: &str) -> String {
    text.replace("1.2", "0.9").replace("1.0", "0.8").replace("0.1.0", "0.0.1").replace("3.20", "3.19")
}

const LAYERS: usize = 5;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// However the files are spread over layers, and overwritten or deleted on the way, what counts is what a container sees.
    #[test]
    fn every_split_of_a_file_system_gives_the_same_components(
        places in prop::collection::vec(0..LAYERS, SYSTEM.len()),
        forms in prop::collection::vec(form(), SYSTEM.len()),
        overwritten in prop::collection::vec((0..SYSTEM.len(), 0..LAYERS, form()), 0..6),
        deleted in prop::collection::vec((0..GONE.len(), 0..LAYERS, 1..LAYERS, 0..3_usize), 0..8),
        below in prop::collection::vec(prop::option::of(0..LAYERS), SYSTEM.len()),
    ) {
        let mut layers: Vec<Vec<Entry>> = vec![Vec::new(); LAYERS];
        for (index, layer, form) in overwritten {
            if layer < places[index] {
                layers[layer].extend(placed(index, older(SYSTEM[index].1), form));
            }
        }
        for (index, layer, later, how) in deleted {
            let ((path, whiteouts), by) = (GONE[index], (layer + later).min(LAYERS - 1));
            if by > layer {
                layers[layer].push(file(path, SYSTEM[index].1));
                layers[by].push(file(whiteouts[how], ""));
            }
        }
        for (index, (_, text)) in SYSTEM.iter().enumerate() {
            match below[index].filter(|below| *below < places[index]) {
                Some(below) => {
                    layers[below].push(file(BELOW[index], *text));
                    layers[places[index]].push(Entry::HardLink(SYSTEM[index].0, BELOW[index]));
                }
                None => layers[places[index]].extend(placed(index, *text, forms[index])),
            }
        }
        layers[LAYERS - 1].push(file(".wh.below", ""));
        let together: Vec<Entry> = SYSTEM.iter().map(|(path, text)| file(path, *text)).collect();
        let split = fold(&layers, LayerScope::Squashed);
        let whole = fold(&[together], LayerScope::Squashed);
        prop_assert_eq!(without_layers(&split), without_layers(&whole));
    }
}

/// An inventory as text, without the layers that its evidence is in.
fn without_layers(inventory: &Inventory) -> String {
    sbom::testing::render(inventory)
}

#[test]
fn all_layers_hold_what_upper_ones_delete() {
    let layers = [
        vec![file("app/node_modules/a/package.json", r#"{"name":"a","version":"1.0.0"}"#)],
        vec![file("app/node_modules/a/package.json", r#"{"name":"a","version":"2.0.0"}"#)],
        vec![file(".wh.app", "")],
    ];
    let names = |scope| {
        let found = fold(&layers, scope).components;
        found.into_iter().filter_map(|component| component.version).collect::<Vec<_>>()
    };
    assert_eq!(names(LayerScope::Squashed), Vec::<String>::new());
    let all = names(LayerScope::AllLayers);
    let expected = if catalogers().iter().any(|cataloger| cataloger.name == "npm-installed") {
        vec!["1.0.0", "2.0.0"]
    } else {
        vec![]
    };
    assert_eq!(all, expected);
}

#[test]
fn what_no_cataloger_reads_is_told_of_images_and_hides_none_of_their_packages() {
    let status = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n";
    let layer = vec![
        file("app/mix.lock", "%{}"),
        file("usr/share/a/ivy.xml", "<ivy-module/>"),
        file("var/lib/dpkg/status", status),
        file("var/lib/dpkg/info/a.list", "/.\n/usr/share/a/ivy.xml\n"),
    ];
    let unknowns = fold(&[layer], LayerScope::Squashed).unknowns;
    let told: Vec<_> = unknowns
        .iter()
        .map(|unknown| (unknown.location.path.as_str(), unknown.reason.as_str(), sbom::hides_packages(unknown)))
        .collect();
    let reason = "a lockfile of Elixir: no cataloger reads such a file, and what is installed here counts";
    assert_eq!(told, [("/app/mix.lock", reason, false)]);
}
