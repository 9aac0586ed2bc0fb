//! A small database and a small image, made by hand: one of each thing that a report tells.

use component::{
    Code, Component, ComponentIndex, Distribution, Edge, Inventory, Layer, Location, Node, PackageType, Relation,
    Scope, SourcePackage, Subject, Technique,
};
use vulndb::file::{Builder, Database, Feed};
use vulndb::{
    Advisory, Affected, Ecosystem, End, Exploited, Family, Fix, Interval, Level, Nature, Probability, Qualifiers,
    Rating, Records, Severity, Start, Verdict,
};

pub(crate) fn feed(name: &str, reader: &str, fetched: i64) -> Feed {
    Feed {
        name: name.to_owned(),
        reader: reader.to_owned(),
        address: format!("{name}.zip"),
        fetched: Some(fetched),
        advisories: 0,
        problems: Vec::new(),
    }
}

/// `[1.0..2.0!` is from 1.0 to what 2.0 mends; `..` is all.
pub(crate) fn interval(text: &str) -> Interval {
    let (start, end) = text.split_once("..").unwrap();
    Interval {
        start: start.strip_prefix('[').map_or(Start::Unbounded, |version| Start::At(version.to_owned())),
        end: match end.split_at_checked(end.len().saturating_sub(1)) {
            Some((version, "!")) => End::Fixed(version.to_owned()),
            Some((version, "]")) => End::Through(version.to_owned()),
            _ => End::Unbounded,
        },
    }
}

pub(crate) fn affected(ecosystem: &Ecosystem, package: &str, intervals: &[&str]) -> Affected {
    Affected {
        ecosystem: ecosystem.clone(),
        package: package.to_owned(),
        named: ecosystem.family.named(),
        verdict: Verdict::Affected(Fix::AsStated),
        intervals: intervals.iter().map(|text| interval(text)).collect(),
        versions: Vec::new(),
        qualifiers: Qualifiers::default(),
        severities: Vec::new(),
    }
}

pub(crate) fn advisory(id: &str, aliases: &[&str], affected: Vec<Affected>) -> Advisory {
    Advisory {
        id: id.to_owned(),
        aliases: aliases.iter().map(ToString::to_string).collect(),
        published: Some(1_700_000_000),
        modified: Some(1_760_000_000),
        affected,
        ..Advisory::default()
    }
}

pub(crate) fn said(summary: &str, advisory: Advisory) -> Advisory {
    Advisory { summary: summary.to_owned(), ..advisory }
}

fn rated(ratings: Vec<Severity>, advisory: Advisory) -> Advisory {
    Advisory { severities: ratings, ..advisory }
}

fn level(level: Level) -> Severity {
    Severity { source: None, rating: Rating::Level(level) }
}

fn vector(source: Option<&str>, vector: &str) -> Severity {
    Severity { source: source.map(str::to_owned), rating: Rating::Cvss(vector.to_owned()) }
}

pub(crate) fn database_of(feeds: Vec<(Feed, Records)>) -> Database<Vec<u8>> {
    let mut builder = Builder::new();
    for (feed, records) in feeds {
        builder.add(feed, records);
    }
    Database::open(builder.finish().unwrap()).unwrap()
}

fn distribution() -> Vec<Advisory> {
    let debian = Ecosystem::release(Family::Debian, "12");
    let verdict = |verdict, affected: Affected| Affected { verdict, ..affected };
    vec![
        said(
            "A flaw in the handling of certificates",
            advisory("CVE-2023-0286", &[], vec![affected(&debian, "openssl", &["..3.0.11-1~deb12u2!"])]),
        ),
        rated(
            vec![level(Level::Low)],
            advisory(
                "CVE-2024-0727",
                &[],
                vec![verdict(Verdict::Affected(Fix::WontFix), affected(&debian, "openssl", &[".."]))],
            ),
        ),
        advisory("CVE-2024-9999", &[], vec![affected(&debian, "emacs", &["..1:29.0!"])]),
        advisory("CVE-2023-32681", &[], vec![verdict(Verdict::NotAffected, affected(&debian, "requests", &[".."]))]),
    ]
}

fn languages() -> Vec<Advisory> {
    let (npm, maven, crates) =
        (Ecosystem::new(Family::Npm), Ecosystem::new(Family::Maven), Ecosystem::new(Family::CratesIo));
    let log4j = "org.apache.logging.log4j:log4j-core";
    vec![
        Advisory {
            weaknesses: vec![20, 502],
            ..rated(
                vec![level(Level::Critical), vector(None, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H")],
                said(
                    "Remote code injection in Log4j",
                    advisory(
                        "GHSA-jfh8-c2jp-5v3q",
                        &["CVE-2021-44228"],
                        vec![affected(&maven, log4j, &["[2.4..2.12.2!", "[2.13.0..2.15.0!"])],
                    ),
                ),
            )
        },
        rated(
            vec![vector(None, "CVSS:4.0/AV:N/AC:H/AT:P/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")],
            said(
                "Incomplete fix in Log4j",
                advisory("GHSA-7rjr-3q55-vv33", &["CVE-2021-45046"], vec![affected(&maven, log4j, &["..2.16.0!"])]),
            ),
        ),
        rated(
            vec![vector(Some("nvd"), "AV:N/AC:M/Au:S/C:N/I:N/A:C"), level(Level::Medium)],
            said(
                "Endless recursion in Log4j",
                advisory("GHSA-p6xc-xr62-6r2g", &["CVE-2021-45105"], vec![affected(&maven, log4j, &["..2.17.0!"])]),
            ),
        ),
        rated(
            vec![level(Level::High)],
            advisory("GHSA-aaaa-aaaa-aaaa", &[], vec![affected(&npm, "minimist", &["..1.2.6!"])]),
        ),
        rated(
            vec![level(Level::Medium)],
            advisory(
                "GHSA-j8r2-6x86-q33q",
                &["CVE-2023-32681"],
                vec![affected(&Ecosystem::new(Family::PyPi), "requests", &["..2.31.0!"])],
            ),
        ),
        Advisory {
            nature: Nature::Unmaintained,
            ..said(
                "Nobody looks after it",
                advisory("RUSTSEC-2020-0001", &[], vec![affected(&crates, "left", &[".."])]),
            )
        },
        Advisory {
            nature: Nature::Malware,
            ..advisory(
                "MAL-2024-0001",
                &[],
                vec![Affected { versions: vec!["6.6.6".to_owned()], ..affected(&npm, "evil", &[]) }],
            )
        },
    ]
}

pub(crate) fn database() -> Database<Vec<u8>> {
    let nvd = vec![rated(
        vec![vector(None, "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:H")],
        said("As told by NVD", advisory("CVE-2023-0286", &[], Vec::new())),
    )];
    let exploited = vec![Exploited {
        id: "CVE-2021-44228".to_owned(),
        added: Some(1_639_094_400),
        due: Some(1_640_304_000),
        is_in_ransomware: true,
    }];
    let probabilities =
        [("CVE-2021-44228", 0.975, 0.9999), ("CVE-2023-0286", 0.021, 0.88), ("CVE-2024-0727", 0.0012, 0.3)];
    let probabilities = probabilities
        .into_iter()
        .map(|(id, probability, percentile)| Probability { id: id.to_owned(), probability, percentile })
        .collect();
    let of = |advisories| Records { advisories, ..Records::default() };
    database_of(vec![
        (feed("debian", "debian-tracker", 1_763_900_000), of(distribution())),
        (feed("github", "osv", 1_763_953_800), of(languages())),
        (feed("nvd", "nvd", 1_763_800_000), of(nvd)),
        (feed("kev", "kev", 1_763_700_000), Records { exploited, ..Records::default() }),
        (feed("epss", "epss", 1_763_600_000), Records { probabilities, ..Records::default() }),
    ])
}

pub(crate) fn component(package_type: PackageType, name: &str, version: &str) -> Component {
    let mut component = Component::new(package_type, name, "test", Technique::PackageDatabase);
    component.version = Some(version.to_owned());
    component
}

fn of(package_type: PackageType, name: &str, version: &str, purl: &str, location: Location) -> Component {
    let mut component = component(package_type, name, version);
    component.purl = Some(purl.parse().unwrap());
    component.locations = vec![location];
    component
}

fn deb(name: &str, version: &str, source: &str) -> Component {
    let purl = format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12");
    let mut component = of(PackageType::Deb, name, version, &purl, Location::new("/var/lib/dpkg/status", Some(0)));
    component.architecture = Some("amd64".to_owned());
    if source != name {
        component.source = Some(SourcePackage { name: source.to_owned(), version: None });
    }
    component
}

fn layer(digit: char, created_by: &str) -> Layer {
    Layer {
        digest: format!("sha256:{}", digit.to_string().repeat(64)),
        diff_id: format!("sha256:{}", digit.to_string().repeat(64)),
        size_bytes: 1024,
        created_by: Some(created_by.to_owned()),
    }
}

pub(crate) fn inventory() -> Inventory {
    let lock = |layer| Location::new("/app/package-lock.json", Some(layer));
    let npm =
        |name: &str, version: &str| of(PackageType::Npm, name, version, &format!("pkg:npm/{name}@{version}"), lock(1));
    let jar = Location {
        inside: vec!["BOOT-INF/lib/log4j-core-2.14.1.jar".to_owned()],
        ..Location::new("/app/app.jar", Some(1))
    };
    let java = |name: &str, group: &str, version: &str, location: Location| {
        of(PackageType::JavaArchive, name, version, &format!("pkg:maven/{group}/{name}@{version}"), location)
    };
    let mut emacs = deb("emacs-common", "1:28.2+1-15", "emacs");
    emacs.code = Code::Absent;
    let mut components = vec![
        deb("libssl3", "3.0.11-1~deb12u1", "openssl"),
        deb("openssl", "3.0.11-1~deb12u1", "openssl"),
        emacs,
        deb("python3-requests", "2.28.1+dfsg-1", "requests"),
        of(
            PackageType::Python,
            "requests",
            "2.28.1",
            "pkg:pypi/requests@2.28.1",
            Location::new("/usr/lib/python3/dist-packages/requests-2.28.1.egg-info/PKG-INFO", Some(0)),
        ),
        java("app", "example", "1.4", Location::new("/app/app.jar", Some(1))),
        java("spring-boot-starter-log4j2", "org.springframework.boot", "2.6.1", Location::new("/app/app.jar", Some(1))),
        java("log4j-core", "org.apache.logging.log4j", "2.14.1", jar),
        npm("mkdirp", "0.5.1"),
        npm("minimist", "0.0.8"),
        npm("evil", "6.6.6"),
        of(PackageType::RustCrate, "left", "0.1.0", "pkg:cargo/left@0.1.0", Location::new("/app/tool", Some(1))),
        of(PackageType::Binary, "tool", "1", "pkg:generic/tool@1", Location::new("/app/tool", Some(1))),
    ];
    components.sort();
    let place = |name: &str| {
        let at = components.iter().position(|component| component.name == name).unwrap();
        ComponentIndex(u32::try_from(at).unwrap())
    };
    let needs = |from: &str, to: &str| Edge {
        from: Node::Component(place(from)),
        to: place(to),
        relation: Relation::DependsOn(Scope::Runtime),
    };
    let asked = |to: &str| Edge { from: Node::Root, to: place(to), relation: Relation::DependsOn(Scope::Runtime) };
    let mut edges = vec![
        asked("app"),
        needs("app", "spring-boot-starter-log4j2"),
        needs("spring-boot-starter-log4j2", "log4j-core"),
        asked("mkdirp"),
        needs("mkdirp", "minimist"),
        asked("evil"),
        Edge { from: Node::Component(place("python3-requests")), to: place("requests"), relation: Relation::Owns },
    ];
    edges.sort();
    Inventory {
        subject: Subject::Image {
            name: "registry.example/team/api:1.4".to_owned(),
            digest: format!("sha256:9f2c{}41ab", "0".repeat(56)),
            platform: Some("linux/amd64".to_owned()),
        },
        distribution: Some(Distribution {
            id: "debian".to_owned(),
            version_id: Some("12".to_owned()),
            codename: Some("bookworm".to_owned()),
            pretty_name: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            ..Distribution::default()
        }),
        layers: vec![layer('a', "/bin/sh -c #(nop) ADD file:1 in /"), layer('b', "COPY app.jar /app/")],
        components,
        edges,
        unknowns: Vec::new(),
        created: Some("2025-11-20T08:00:00Z".to_owned()),
    }
}
