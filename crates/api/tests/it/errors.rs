//! Every code has a page, every page a code, and nothing else is ever answered.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::{ERROR_CODES, Failure};
use oci::ErrorCode;

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn pages() -> BTreeSet<String> {
    let files = fs::read_dir(at("../../docs/errors")).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

fn source(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source(&path, text);
        } else {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn codes_are_the_pages() {
    let codes: BTreeSet<String> = ERROR_CODES.iter().map(|code| format!("{code}.md")).collect();
    assert_eq!(pages(), codes);
    assert!(ERROR_CODES.is_sorted());
}

#[test]
fn codes_in_the_source_are_known() {
    let mut text = String::new();
    source(&at("src"), &mut text);
    let mut found = BTreeSet::new();
    for literal in text.split('"') {
        let is_code = literal.len() > 5 && literal.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if is_code && literal != "DELETE" {
            found.insert(literal);
        }
    }
    found.extend(ErrorCode::ALL.iter().map(|code| code.as_str()));
    // Written twice or more: in the list, and where it is answered.
    let unused: Vec<_> = ERROR_CODES
        .iter()
        .filter(|code| {
            let in_source = text.matches(&format!("\"{code}\"")).count() > 1;
            !in_source && !ErrorCode::ALL.iter().any(|known| known.as_str() == **code)
        })
        .collect();
    assert_eq!(unused, Vec::<&&str>::new());
    let known: BTreeSet<&str> = ERROR_CODES.iter().copied().collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn a_page_says_what_why_and_what_to_do() {
    for code in ERROR_CODES {
        let page = fs::read_to_string(at(&format!("../../docs/errors/{code}.md"))).unwrap();
        assert!(page.starts_with(&format!("# {code}\n\nHTTP status ")), "{code}");
        for part in ["\n## Example\n", "\n## Causes\n", "\n## What to do\n"] {
            assert!(page.contains(part), "{code} lacks {part}");
        }
        let example = page.split("```").nth(1).unwrap().strip_prefix("json\n").unwrap();
        let example: serde_json::Value = serde_json::from_str(example).unwrap();
        let told = example.get("code").unwrap_or(&example["errors"][0]["code"]);
        assert_eq!(told, code);
    }
}

/// Limits stand in the pages as numbers, so a changed limit changes its page.
#[test]
fn limits_in_the_pages_are_those_in_the_code() {
    let check = |code: &str, limit: &str| {
        let page = fs::read_to_string(at(&format!("../../docs/errors/{code}.md"))).unwrap();
        assert!(page.contains(limit), "{code} does not say `{limit}`");
    };
    check("BLOB_TOO_LARGE", &format!("{} GiB a blob", registry::BLOB_SIZE_BYTES_MAX >> 30));
    check("MANIFEST_TOO_LARGE", &format!("{} MiB", oci::manifest::MANIFEST_BYTES_MAX >> 20));
    check("MANIFEST_INVALID", "10 000 descriptors");
    assert_eq!(oci::manifest::DESCRIPTORS_MAX, 10_000);
    check("NAME_INVALID", &format!("{} bytes", oci::name::NAME_LENGTH_MAX));
    check("TAG_INVALID", &format!("{} characters", oci::tag::TAG_LENGTH_MAX));
    check("TAGS_TOO_MANY", &format!("{} tags", registry::TAGS_PER_PUSH_MAX));
    check("TOOMANYREQUESTS", "1 000 unfinished uploads");
    assert_eq!(registry::UPLOADS_PER_ACTOR_MAX, 1_000);
    check("INPUT_INVALID", &format!("{} scopes", access::SCOPES_MAX));
    check("UNAUTHORIZED", "five minutes");
    assert_eq!(identity::TOKEN_LIFETIME_SECONDS, 300);
}

#[test]
fn statuses_of_the_specification_are_kept() {
    let told: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let failure = Failure::registry(*code, "");
            format!("{} {}", failure.status.as_u16(), failure.code)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// A disk that is full is told as such, whichever service meets it first.
#[test]
fn a_full_disk_is_never_told_as_a_passing_trouble() {
    use tenancy::AuthError;
    let full = || db::Error::Full { source: Arc::new(std::io::Error::from(std::io::ErrorKind::StorageFull)) };
    let told = [
        Failure::from(full()),
        Failure::from(registry::Error::Database(full())),
        Failure::from(tenancy::Error::Database(full())),
        Failure::from(tenancy::Error::OldPassword(Box::new(AuthError::Unavailable(full().into())))),
        Failure::internal(advisories::Error::Registry(registry::Error::Database(full()))),
    ];
    for failure in told {
        assert_eq!((failure.status.as_u16(), failure.code), (507, "STORAGE_FULL"), "{:?}", failure.cause);
    }
}

/// Whatever was being done while the database was away works again in a moment.
#[test]
fn a_database_that_is_away_is_told_as_such() {
    let away =
        || db::Error::Unavailable { source: Arc::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)) };
    for failure in [
        Failure::from(away()),
        Failure::internal(away()),
        Failure::internal(advisories::Error::Registry(registry::Error::Database(away()))),
        Failure::internal(advisories::Error::Tenancy(tenancy::Error::Database(away()))),
        Failure::internal(advisories::Error::Match(Box::new(away()))),
    ] {
        assert_eq!((failure.status.as_u16(), failure.code), (503, "UNAVAILABLE"), "{:?}", failure.cause);
    }
    let failure = Failure::internal(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    assert_eq!((failure.status.as_u16(), failure.code), (500, "UNKNOWN"));
}

/// Every variant of the services' errors, as status and code.
#[test]
fn errors_of_the_services_have_a_code() {
    use tenancy::Thing;
    let name = || "team/api".parse::<oci::RepositoryName>().unwrap();
    let digest = crate::hub::sha256(b"");
    let tag = || "1".parse::<oci::Tag>().unwrap();
    let registry: Vec<registry::Error> = vec![
        registry::Error::NameUnknown(name()),
        registry::Error::ProjectUnknown("team".to_owned()),
        registry::Error::ManifestUnknown { repository: name(), reference: "1".to_owned() },
        registry::Error::BlobUnknown { repository: name(), digest },
        registry::Error::BlobDamaged(digest),
        registry::Error::UploadUnknown,
        registry::Error::UploadBusy,
        registry::Error::UploadRange { start: 2, offset: 1 },
        registry::Error::SizeMismatch { announced: 2, actual: 1 },
        registry::Error::BodyInterrupted { received: 1 },
        registry::Error::TooManyUploads { actor: "user:ada".to_owned(), limit: 1 },
        registry::Error::BlobTooLarge { limit: 1 },
        registry::Error::DigestMismatch { expected: digest },
        registry::Error::BlobsMissing(vec![digest]),
        registry::Error::TagExists { tag: tag() },
        registry::Error::TooManyTags { actual: 65, limit: 64 },
        registry::Error::Stored { what: "digest" },
        registry::Error::Stopping,
    ];
    let tenancy: Vec<tenancy::Error> = vec![
        tenancy::Error::NotFound { thing: Thing::Project, name: "team".to_owned() },
        tenancy::Error::NotFound { thing: Thing::Robot, name: "ci".to_owned() },
        tenancy::Error::Exists { thing: Thing::Project, name: "team".to_owned() },
        tenancy::Error::Exists { thing: Thing::Login, name: "ci".to_owned() },
        tenancy::Error::LastAdministrator,
        tenancy::Error::ProjectNotEmpty { project: "team".to_owned() },
        tenancy::Error::OldPassword(Box::new(tenancy::AuthError::Refused)),
        tenancy::Error::OldPassword(Box::new(tenancy::AuthError::Busy)),
        tenancy::Error::OldPassword(Box::new(tenancy::AuthError::Throttled { retry_after_s: 3 })),
        tenancy::Error::NoPassword,
        tenancy::Error::AccountChanged,
        tenancy::Error::OutsideProject { repositories: "**".to_owned(), project: "team".to_owned() },
        tenancy::Error::GrantTwice { repositories: "team/*".to_owned() },
        tenancy::Error::TooManyGrants { actual: 1000 },
        tenancy::Error::RobotLifetime { expires_at_us: 0 },
        tenancy::Error::RobotExpired { robot: "ci".to_owned() },
        tenancy::Error::Overlap { actual_us: 0 },
        tenancy::Error::NotBootstrapped,
        tenancy::Error::Stopping,
    ];
    let line = |failure: Failure| {
        let retry = failure.headers.iter().find(|(name, _)| name == "retry-after");
        let retry = retry.map(|(_, value)| format!(" (again in {} s)", value.to_str().unwrap())).unwrap_or_default();
        format!("{} {}{retry}: {}", failure.status.as_u16(), failure.code, failure.message)
    };
    let told: Vec<String> =
        registry.into_iter().map(Failure::from).chain(tenancy.into_iter().map(Failure::from)).map(line).collect();
    insta::assert_snapshot!(told.join("\n"));
}
