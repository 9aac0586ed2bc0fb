use std::collections::BTreeMap;

use component::{
    Code, Component, ComponentIndex, Distribution, Edge, Hash, HashAlgorithm, Inventory, Layer, License, Location,
    Node, OwnedFile, PackageType, Purl, Relation, Scope, SourcePackage, Subject, Technique, Unknown,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Texts as images hold them: plain, and with what each of the formats must escape.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z][a-z0-9.+_-]{0,12}",
        1 => "[a-zA-Z0-9 :=@/\\\\\"'<>()&\u{e9}\u{4e16}\n\t,;#%-]{1,16}",
    ]
}

fn hash() -> impl Strategy<Value = Hash> {
    let algorithms = [
        (HashAlgorithm::Md5, 32),
        (HashAlgorithm::Sha1, 40),
        (HashAlgorithm::Sha256, 64),
        (HashAlgorithm::Sha384, 96),
        (HashAlgorithm::Sha512, 128),
    ];
    (select(algorithms.to_vec()), any::<u64>(), 0..20_u8).prop_map(|((algorithm, digits), seed, oddity)| {
        let hex: String = format!("{seed:016x}").repeat(8)[..digits].to_owned();
        // Evidence is not always well formed.
        Hash { algorithm, hex: if oddity == 0 { hex[1..].to_owned() } else { hex } }
    })
}

fn license() -> impl Strategy<Value = License> {
    let found = prop_oneof![
        select(vec![
            "MIT",
            "Apache-2.0",
            "GPL-2.0-only",
            "GPL-2.0+",
            "MIT OR Apache-2.0",
            "GPL-2.0-or-later WITH Classpath-exception-2.0",
            "(MIT OR BSD-3-Clause) AND ISC",
            "LicenseRef-company",
            "LicenseRef-a AND MIT",
            "Custom licence, see LICENSE",
            "BSD",
            "The Apache Software License, Version 2.0",
        ])
        .prop_map(ToOwned::to_owned),
        text(),
    ];
    // Words that were kept as words, though an expression is spelled so.
    let kept = select(vec!["GPL-2", "LGPL-2.1", "Apache 2.0"]).prop_map(|words| License::Named(words.to_owned()));
    prop_oneof![4 => found.prop_filter_map("names no licence", |words| License::parse(&words)), 1 => kept]
}

fn purl(package_type: PackageType) -> impl Strategy<Value = Option<Purl>> {
    (
        option::weighted(0.9, "[a-z][a-z0-9.]{0,8}"),
        "[a-z][a-z0-9._-]{0,8}",
        option::of("[0-9][0-9a-z.~+:-]{0,8}"),
        option::of(text()),
    )
        .prop_map(move |(namespace, name, version, distro)| {
            let builder = Purl::builder(package_type.purl_type(), &name)
                .namespace(&namespace?)
                .version(&version.unwrap_or_default())
                .qualifier("distro", &distro.unwrap_or_default());
            builder.build().ok()
        })
}

fn location(layers: u16) -> impl Strategy<Value = Location> {
    let layer = if layers == 0 { Just(None).boxed() } else { (0..layers).prop_map(Some).boxed() };
    (text(), vec(text(), 0..3), layer).prop_map(|(path, inside, layer)| Location {
        path: format!("/{path}"),
        inside,
        layer,
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    select(vec![Scope::Runtime, Scope::Optional, Scope::Development])
}

fn component(layers: u16) -> impl Strategy<Value = Component> {
    let techniques = [
        Technique::PackageDatabase,
        Technique::InstalledMetadata,
        Technique::Binary,
        Technique::Archive,
        Technique::Lockfile,
        Technique::Manifest,
        Technique::FileName,
        Technique::Document,
    ];
    let identity = select(PackageType::ALL).prop_flat_map(|package_type| (Just(package_type), purl(package_type)));
    let matched = (
        option::of(prop_oneof![9 => text(), 1 => Just(String::new())]),
        // An inventory has none of them twice.
        btree_set("cpe:2\\.3:a:[a-z]{1,4}:[a-z]{1,4}:1:\\*:\\*:\\*:\\*:\\*:\\*:\\*", 0..3),
        vec(license(), 0..4),
        option::of(prop_oneof![text(), Just("Jane Doe <jane@example.org>".to_owned()), Just("a (b)".to_owned())]),
        vec(hash(), 0..3),
        option::of(text()),
        option::of((text(), option::of(text())).prop_map(|(name, version)| SourcePackage { name, version })),
        option::of(text()),
    );
    let facts = (
        scope(),
        option::of(any::<bool>()),
        select(vec![Code::Unknown, Code::Present, Code::Absent]),
        vec((text(), option::of(hash().prop_filter("digests are well formed", is_well_formed))), 0..3),
        vec(location(layers), 0..3),
        text(),
        select(techniques.to_vec()),
        option::of(any::<u8>()),
        btree_map(text(), text(), 0..3),
    );
    (identity, text(), matched, facts).prop_map(|((package_type, purl), name, matched, facts)| {
        let (version, cpes, licenses, supplier, hashes, architecture, source, module) = matched;
        let (scope, direct, code, files, locations, found_by, technique, confidence, properties) = facts;
        let mut component = Component::new(package_type, name, "", technique);
        component.version = version;
        component.purl = purl;
        component.cpes = cpes.into_iter().collect();
        component.licenses = licenses;
        component.supplier = supplier;
        component.hashes = hashes;
        component.architecture = architecture;
        component.source = source;
        component.module = module;
        component.scope = scope;
        component.direct = direct;
        component.code = code;
        component.files =
            files.into_iter().map(|(path, hash)| OwnedFile { path: format!("/{path}").into(), hash }).collect();
        component.locations = locations;
        component.found_by = found_by.into();
        component.confidence_percent = confidence.unwrap_or(component.confidence_percent);
        component.properties =
            properties.into_iter().map(|(name, value)| (name.into(), value)).collect::<BTreeMap<_, _>>();
        component
    })
}

fn is_well_formed(hash: &Hash) -> bool {
    matches!(hash.hex.len(), 32 | 40 | 64 | 96 | 128)
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        (text(), text(), option::of(text())).prop_map(|(name, digest, platform)| Subject::Image {
            name,
            digest,
            platform
        }),
        text().prop_map(|name| Subject::Directory { name }),
        (text(), option::of(text())).prop_map(|(name, sha256)| Subject::File { name, sha256 }),
        (prop_oneof![text(), Just(String::new())], option::of(text()), select(PackageType::ALL).prop_flat_map(purl))
            .prop_map(|(name, version, purl)| Subject::Document { name, version, purl }),
    ]
}

fn distribution() -> impl Strategy<Value = Distribution> {
    let optional = || option::of(text());
    (text(), vec(text(), 0..3), optional(), optional(), optional(), optional(), optional(), optional(), optional())
        .prop_map(|(id, id_like, version_id, codename, pretty_name, cpe, name, version, support_end)| Distribution {
            id,
            id_like,
            version_id,
            codename,
            pretty_name,
            cpe,
            name,
            version,
            support_end,
        })
}

fn layer() -> impl Strategy<Value = Layer> {
    (text(), text(), any::<u32>(), option::of(text())).prop_map(|(digest, diff_id, size, created_by)| Layer {
        digest,
        diff_id,
        size_bytes: size.into(),
        created_by,
    })
}

/// The relations; the subject needs components and nothing else, as the engine makes them.
fn edge(components: u32) -> impl Strategy<Value = Edge> {
    let relation = prop_oneof![3 => scope().prop_map(Relation::DependsOn), 1 => Just(Relation::Contains), 1 => Just(Relation::Owns)];
    (0..=components, 0..components, relation).prop_map(move |(from, to, relation)| Edge {
        from: if from == components { Node::Root } else { Node::Component(ComponentIndex(from)) },
        to: ComponentIndex(to),
        relation,
    })
}

fn created() -> impl Strategy<Value = String> {
    select(vec![
        "2024-02-29T12:00:00Z",
        "1970-01-01T00:00:00Z",
        "2024-02-29T12:00:00.123456789Z",
        "2024-02-29T12:00:00+02:00",
        "yesterday",
    ])
    .prop_map(ToOwned::to_owned)
}

/// Any inventory in its natural order.
pub(super) fn inventory() -> impl Strategy<Value = Inventory> {
    vec(layer(), 0..3)
        .prop_flat_map(|layers| {
            let count = u16::try_from(layers.len()).expect("three at most");
            (Just(layers), vec(component(count), 0..5), vec(location(count), 0..2))
        })
        .prop_flat_map(|(layers, mut components, seen)| {
            components.sort();
            components.dedup();
            let edges = match u32::try_from(components.len()).expect("four at most") {
                0 => Just(Vec::new()).boxed(),
                count => vec(edge(count), 0..8).boxed(),
            };
            (
                Just(layers),
                Just(components),
                Just(seen),
                edges,
                subject(),
                option::of(distribution()),
                option::of(created()),
            )
        })
        .prop_map(|(layers, components, seen, mut edges, subject, distribution, created)| {
            edges.retain(|edge| edge.from != Node::Component(edge.to));
            edges.sort();
            edges.dedup();
            let unknowns =
                seen.into_iter().map(|location| Unknown { location, reason: "odd\nthing".to_owned() }).collect();
            Inventory { subject, distribution, layers, components, edges, unknowns, created }
        })
}
