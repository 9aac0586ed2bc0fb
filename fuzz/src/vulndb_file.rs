//! Databases to be changed, and what is done with what comes of it.

use vulndb::file::{Builder, Database, FORMAT_VERSION, Feed, Section, pack};
use vulndb::{
    Advisory, Affected, Ecosystem, End, Exploited, Family, Fix, Interval, Probability, Qualifiers, Records, Reference,
    Start, Verdict, changed_advisories, changed_packages, make_delta,
};

fn builder(more: usize) -> Builder {
    let affected = |ecosystem: Ecosystem, package: &str| Affected {
        named: ecosystem.family.named(),
        ecosystem,
        package: package.to_owned(),
        verdict: Verdict::Affected(Fix::AsStated),
        intervals: vec![Interval { start: Start::Unbounded, end: End::Fixed("2.0".to_owned()) }],
        versions: vec!["3.0".to_owned()],
        qualifiers: Qualifiers::default(),
        severities: Vec::new(),
    };
    let advisory = |number: usize| Advisory {
        id: format!("GHSA-{number}"),
        aliases: vec![format!("CVE-2026-{:04}", number / 2)],
        modified: Some(1_700_000_000),
        summary: "what is wrong".to_owned(),
        references: vec![Reference {
            kind: "ADVISORY".to_owned(),
            url: format!("https://a.example/CVE-2026-{:04}", number / 2),
        }],
        affected: vec![
            affected(Ecosystem::new(Family::Npm), &format!("p{}", number % 5)),
            affected(Ecosystem::release(Family::Debian, "12"), "zlib"),
        ],
        ..Advisory::default()
    };
    let probability =
        |number: usize| Probability { id: format!("CVE-2026-{number:04}"), probability: 0.5, percentile: 0.25 };
    let mut builder = Builder::new();
    let records = Records { advisories: (0..8 + more).map(advisory).collect(), ..Records::default() };
    builder.add(feed("github"), records);
    let records = Records {
        probabilities: (0..4 + more).map(probability).collect(),
        exploited: vec![Exploited { id: "CVE-2026-0001".to_owned(), added: None, due: None, is_in_ransomware: true }],
        ..Records::default()
    };
    builder.add(feed("scores"), records);
    builder
}

fn feed(name: &str) -> Feed {
    Feed {
        name: name.to_owned(),
        reader: "osv".to_owned(),
        address: String::new(),
        fetched: None,
        advisories: 0,
        problems: Vec::new(),
    }
}

/// Returns a small database.
pub fn sample() -> Vec<u8> {
    builder(0).finish().expect("it is small")
}

/// Returns what leads from it to another.
pub fn delta() -> Vec<u8> {
    let open = |file: Vec<u8>| Database::open(file).expect("it was made here");
    make_delta(&open(sample()), &open(builder(3).finish().expect("it is small"))).expect("both are whole")
}

/// Returns one as it is sent: with texts and addresses that are long enough to be predicted, that repeat, and whose lines are broken.
pub fn packed() -> Vec<u8> {
    let told = |number: usize| {
        let flaw = format!("A flaw in the handling of widgets of kind {number} was found,");
        let harm = "by which an attacker who may send some can read memory that is not theirs, or stop the program.";
        let reference = |url: String| Reference { kind: "WEB".to_owned(), url };
        Advisory {
            id: format!("CVE-2026-{:04}", 100 + number),
            summary: "what is wrong".to_owned(),
            details: format!("{flaw}\n{harm}"),
            references: vec![
                reference("https://a.example/advisories".to_owned()),
                reference(format!("https://git.example/widgets/commit/{number:040x}")),
                reference(format!("https://bugs.example/widgets/issues/{number}")),
            ],
            ..Advisory::default()
        }
    };
    let mut builder = builder(0);
    builder.add(feed("told"), Records { advisories: (0..8).map(told).collect(), ..Records::default() });
    let mut packed = Vec::new();
    let file = builder.finish().expect("it is small");
    pack(&Database::open(file).expect("it was made here"), &mut packed).expect("it is whole");
    packed
}

/// Changes bytes: two of place, one of value, again and again.
pub fn change(mut file: Vec<u8>, changes: &[u8]) -> Vec<u8> {
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % file.len();
        file[place] = change[2];
    }
    file
}

/// Puts the sums of a file right, so that what they guard is met: the form is that of `vulndb::file`.
pub fn mended(mut file: Vec<u8>) -> Option<Vec<u8>> {
    const FIXED: usize = 24;
    const BLOCK: usize = 4096;
    let sections = Section::ALL.len();
    let header = FIXED + sections * 16 + 4;
    if file.len() < header {
        return None;
    }
    file[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    let length = (file.len() as u64).to_le_bytes();
    file[16..24].copy_from_slice(&length);
    let number = |file: &[u8], at: usize| u64::from_le_bytes(file[at..at + 8].try_into().expect("eight bytes"));
    let place = FIXED + (sections - 1) * 16;
    let (start, bytes) = (number(&file, place), number(&file, place + 8));
    let start = usize::try_from(start).ok().filter(|start| *start <= file.len())?;
    let end = start.checked_add(usize::try_from(bytes).ok()?).filter(|end| *end <= file.len())?;
    let mut sums: Vec<u8> =
        file[..start].chunks(BLOCK).flat_map(|block| crc32fast::hash(block).to_le_bytes()).collect();
    sums.resize(end - start, 0);
    file[start..end].copy_from_slice(&sums);
    let crc = crc32fast::hash(&sums).to_le_bytes();
    file[12..16].copy_from_slice(&crc);
    // The first block is the header's own, and is read by this sum alone.
    let crc = crc32fast::hash(&file[..header - 4]).to_le_bytes();
    file[header - 4..header].copy_from_slice(&crc);
    Some(file)
}

/// Reads all of a file, and looks for what may be in it.
pub fn walk(file: &[u8]) {
    let Ok(database) = Database::open(file) else { return };
    let _damaged = database.feeds();
    let _damaged = database.coverage();
    for package in database.packages().take(1000).flatten() {
        if let Ok((ecosystem, name)) = database.package_name(&package) {
            let (ecosystem, name) = (ecosystem.clone(), name.to_owned());
            let _found = database.find_package(&ecosystem, &name);
        }
        if let Ok(statements) = database.statements(&package) {
            for statement in statements.flatten() {
                if let Ok(advisory) = database.advisory(statement.advisory) {
                    let _text = database.text(statement.advisory);
                    for vulnerability in &advisory.vulnerabilities {
                        let _damaged = database.vulnerability(*vulnerability);
                    }
                }
            }
        }
    }
    for name in ["CVE-2026-0001", "GHSA-1", "", "x"] {
        let _damaged = database.find_vulnerabilities(name);
        let _damaged = database.find_probability(name);
        let _damaged = database.find_exploited(name);
    }
    let whole = sample();
    let other = Database::open(&whole).expect("it was made here");
    let _damaged = changed_packages(&other, &database);
    let _damaged = changed_advisories(&database, &other);
    if database.verify().is_ok() {
        make_delta(&database, &other).expect("all of it can be read");
    }
}
