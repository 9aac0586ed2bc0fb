//! Which feeds are wanted, and where each of their documents is.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use outbound::{FeedAddress, FeedAddressError};
use vulndb::{Ecosystem, Family, Reader, lifecycle};

use crate::source::{FIRST_YEAR, Source, Sums, sources};

/// The longest name of a feed.
const NAME_BYTES_MAX: usize = 64;

/// The most documents of one feed: NVD has one a year, Alpine two a release.
const DOCUMENTS_MAX: usize = 256;

/// The first release of Alpine for which its database is fetched unless an earlier one is asked for.
const ALPINE_FIRST: (u32, u32) = (3, 10);

/// The branch of Alpine that is never released.
const EDGE: &str = "edge";

/// What stands for each release in an address.
const RELEASE: &str = "{release}";

/// What stands for each year in an address.
const YEAR: &str = "{year}";

/// What an operator wants otherwise than it is by default.
#[derive(Debug, Clone)]
pub enum Choice {
    /// A feed is not fetched, and what the database in use has of it is not kept: `-epss`.
    Off(String),
    /// A feed is fetched, whatever ecosystems are wanted: `+rustsec`.
    On(String),
    /// A publisher's feed is elsewhere, at a mirror or in a directory: `debian=https://mirror.example/tracker.json`.
    Elsewhere {
        /// Its name.
        name: String,
        /// Where: an address, with the same words in braces, or a path.
        place: String,
    },
    /// A feed of one's own: `ours=osv:/srv/advisories`.
    Own {
        /// Its name.
        name: String,
        /// The reader that understands it.
        reader: &'static Reader,
        /// Where: an address or a path.
        place: String,
    },
}

/// Why a text is no choice, or a choice makes no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The text does not have the form of a choice.
    #[error("`{0}` is no choice of a feed")]
    Form(String),
    /// No publisher's feed is called so.
    #[error("there is no feed `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// What is called almost so.
        nearest: Option<&'static str>,
    },
    /// The name cannot be one.
    #[error("`{0}` cannot be the name of a feed")]
    Name(String),
    /// The address is none.
    #[error("the address of feed `{name}` is not understood")]
    Address {
        /// The feed.
        name: String,
        /// Why.
        source: FeedAddressError,
    },
    /// Two feeds have one name.
    #[error("two feeds are called `{0}`")]
    Twice(String),
}

impl FromStr for Choice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        if let Some(name) = text.strip_prefix('-') {
            return off(name);
        }
        if let Some(name) = text.strip_prefix('+') {
            return Ok(Self::On(known(name)?.name.to_owned()));
        }
        let form = || ChoiceError::Form(text.to_owned());
        let (name, place) = text.split_once('=').filter(|(_, place)| !place.is_empty()).ok_or_else(form)?;
        if !is_name(name) {
            return Err(ChoiceError::Name(name.to_owned()));
        }
        let reader = place.split_once(':').and_then(|(reader, place)| {
            let reader = vulndb::readers().iter().find(|known| known.name == reader)?;
            Some((reader, place)).filter(|(_, place)| !place.is_empty())
        });
        let choice = match reader {
            Some((reader, place)) => Self::Own { name: name.to_owned(), reader, place: place.to_owned() },
            None => Self::Elsewhere { name: known(name)?.name.to_owned(), place: place.to_owned() },
        };
        // A mistake in an address is told where it was written.
        let (Self::Own { place, .. } | Self::Elsewhere { place, .. }) = &choice else { return Ok(choice) };
        Place::parse(name, &place.replace("{year}", "2026").replace("{release}", "v3.20"))?;
        Ok(choice)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off(name) => write!(formatter, "-{name}"),
            Self::On(name) => write!(formatter, "+{name}"),
            Self::Elsewhere { name, place } => write!(formatter, "{name}={place}"),
            Self::Own { name, reader, place } => write!(formatter, "{name}={}:{place}", reader.name),
        }
    }
}

impl Choice {
    /// Returns whether a feed of this name is not wanted, although the database in use has it: of a publisher that has one feed for each release, the
    /// name of them all stands for each.
    pub fn leaves_out(&self, feed: &str) -> bool {
        let Self::Off(name) = self else { return false };
        let of_release = || feed.strip_prefix(name.as_str())?.strip_prefix('-').filter(|release| is_release(release));
        feed == name || (known(name).is_ok() && of_release().is_some())
    }
}

fn is_name(name: &str) -> bool {
    let is_in_names =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_in_names)
}

/// What no publisher has may be a feed of one's own, or of one release, that is in the database alone; but for what is nearly the name of a publisher's.
fn off(name: &str) -> Result<Choice, ChoiceError> {
    /// One letter in so many is a slip of the hand.
    const SLIP_IN: usize = 3;
    match known(name) {
        Ok(source) => Ok(Choice::Off(source.name.to_owned())),
        Err(ChoiceError::Unknown { nearest, .. })
            if is_name(name)
                && nearest.is_none_or(|nearest| strsim::osa_distance(name, nearest) * SLIP_IN > name.len()) =>
        {
            Ok(Choice::Off(name.to_owned()))
        }
        Err(error) => Err(error),
    }
}

fn known(name: &str) -> Result<&'static Source, ChoiceError> {
    sources().find(|source| source.name == name).ok_or_else(|| {
        let distance = |source: &&Source| strsim::osa_distance(name, source.name);
        let nearest = sources().min_by_key(distance).filter(|source| distance(source) <= 3);
        ChoiceError::Unknown { name: name.to_owned(), nearest: nearest.map(|source| source.name) }
    })
}

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At its publisher's, or a mirror's.
    Address(FeedAddress),
    /// On this machine: a directory, an archive or a document.
    Path(PathBuf),
}

impl Place {
    fn parse(feed: &str, text: &str) -> Result<Self, ChoiceError> {
        if !text.contains("://") {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        let address = text.parse().map_err(|source| ChoiceError::Address { name: feed.to_owned(), source })?;
        Ok(Self::Address(address))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(formatter),
            Self::Path(path) => Path::display(path).fmt(formatter),
        }
    }
}

/// A feed that is to be fetched.
#[derive(Debug, Clone)]
pub struct PlannedFeed {
    /// Its name.
    pub name: String,
    /// What a choice calls it by: of a publisher that has one feed for each release, the name of them all.
    pub source: String,
    /// Who understands it.
    pub reader: &'static Reader,
    /// Where it comes from, as it is stated: with words in braces for several documents.
    pub address: String,
    /// Its documents.
    pub documents: Vec<Place>,
    /// What they are held against.
    pub sums: Sums,
}

/// Says which feeds are to be fetched for some ecosystems, or for all; `year` is the present one.
pub fn plan(choices: &[Choice], wanted: Option<&[Ecosystem]>, year: i16) -> Result<Vec<PlannedFeed>, ChoiceError> {
    let mut planned = Vec::new();
    for source in sources() {
        let is_chosen = |wanted: &dyn Fn(&Choice) -> bool| choices.iter().any(wanted);
        let is_off = is_chosen(&|choice| matches!(choice, Choice::Off(name) if name == source.name));
        let is_on = is_chosen(&|choice| matches!(choice, Choice::On(name) if name == source.name));
        let is_wanted = source.by_default && wanted.is_none_or(|wanted| source.speaks_of(wanted));
        if is_off || !(is_on || is_wanted) {
            continue;
        }
        let elsewhere = choices.iter().rev().find_map(|choice| match choice {
            Choice::Elsewhere { name, place } if name == source.name => Some(place.as_str()),
            _ => None,
        });
        let stated: Vec<&str> = elsewhere.map_or_else(|| source.addresses.to_vec(), |place| vec![place]);
        let is_by_release = stated.iter().any(|stated| stated.contains(RELEASE));
        let releases = if is_by_release { releases(source.serves, wanted) } else { BTreeSet::from([String::new()]) };
        // Each release is a feed of its own: it has its own date, and its own end.
        for release in releases {
            let stated: Vec<String> = stated.iter().map(|stated| stated.replace(RELEASE, &release)).collect();
            let texts = stated.iter().flat_map(|stated| each(stated, year)).take(DOCUMENTS_MAX);
            let number = release.trim_start_matches('v');
            let name = if is_by_release { format!("{}-{number}", source.name) } else { source.name.to_owned() };
            if is_chosen(&|choice| choice.leaves_out(&name)) {
                continue;
            }
            planned.push(PlannedFeed {
                name,
                source: source.name.to_owned(),
                reader: reader(source.reader),
                address: stated.join(" "),
                documents: texts.map(|text| Place::parse(source.name, &text)).collect::<Result<_, _>>()?,
                // A mirror need not have what its publisher has beside the documents.
                sums: if elsewhere.is_some() && source.sums == Sums::Meta { Sums::None } else { source.sums },
            });
        }
    }
    for choice in choices {
        let Choice::Own { name, reader, place } = choice else { continue };
        let releases = if place.contains(RELEASE) { releases(&[], None) } else { BTreeSet::from([String::new()]) };
        let texts = releases.iter().flat_map(|release| each(&place.replace(RELEASE, release), year));
        let documents = texts.map(|text| Place::parse(name, &text)).collect::<Result<_, _>>()?;
        planned.push(PlannedFeed {
            name: name.clone(),
            source: name.clone(),
            reader,
            address: place.clone(),
            documents,
            sums: Sums::InAnswer,
        });
    }
    planned.sort_by(|left, right| left.name.cmp(&right.name));
    let mut names = BTreeSet::new();
    match planned.iter().find(|feed| !names.insert(feed.name.as_str())) {
        Some(twice) => Err(ChoiceError::Twice(twice.name.clone())),
        None => Ok(planned),
    }
}

fn reader(name: &str) -> &'static Reader {
    let readers = vulndb::readers();
    readers.iter().find(|reader| reader.name == name).expect("a test holds every source against the readers")
}

/// Returns an address for each year that it stands for.
fn each(stated: &str, year: i16) -> Vec<String> {
    if !stated.contains(YEAR) {
        return vec![stated.to_owned()];
    }
    (FIRST_YEAR..=year).map(|year| stated.replace(YEAR, &year.to_string())).collect()
}

/// Returns Alpine's releases in its own words: those that are wanted, or all of which there is one.
fn releases(serves: &[Family], wanted: Option<&[Ecosystem]>) -> BTreeSet<String> {
    let is_served = |ecosystem: &&Ecosystem| serves.contains(&ecosystem.family);
    let named = wanted.unwrap_or_default().iter().filter(is_served);
    let named = named.filter_map(|ecosystem| ecosystem.release.as_deref());
    let named: Vec<&str> = named.filter(|release| is_release(release)).collect();
    let word = |release: &str| if number(release).is_some() { format!("v{release}") } else { release.to_owned() };
    if !named.is_empty() {
        return named.into_iter().map(word).collect();
    }
    let known = lifecycle::releases(Family::Alpine).filter(|release| number(release) >= Some(ALPINE_FIRST));
    known.chain([EDGE]).map(word).collect()
}

/// What an image says of itself becomes a part of an address and the name of a directory.
fn is_release(release: &str) -> bool {
    number(release).is_some() || release == EDGE
}

fn number(release: &str) -> Option<(u32, u32)> {
    let (major, minor) = release.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(choices: &[&str], wanted: Option<&[&str]>) -> Result<Vec<String>, ChoiceError> {
        let choices: Vec<Choice> = choices.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let wanted: Option<Vec<Ecosystem>> =
            wanted.map(|names| names.iter().map(|name| Ecosystem::parse_osv(name).unwrap().0).collect());
        let feeds = plan(&choices, wanted.as_deref(), 2004)?;
        Ok(feeds.iter().map(|feed| format!("{} {} {}", feed.name, feed.reader.name, feed.documents.len())).collect())
    }

    #[test]
    fn only_what_is_wanted_is_fetched() {
        let check = |choices: &[&str], wanted: Option<&[&str]>, expected: &[&str]| {
            assert_eq!(planned(choices, wanted).unwrap(), expected, "{choices:?} {wanted:?}");
        };
        let scores = ["epss epss 1", "kev kev 1"];
        check(&[], Some(&[]), &scores);
        let debian = ["debian debian-tracker 1", "kev kev 1", "osv-debian osv-severities 1"];
        check(&["-epss"], Some(&["Debian:12"]), &debian);
        check(&["-epss", "-kev"], Some(&["npm", "PyPI"]), &["osv-npm osv 1", "osv-pypi osv 1"]);
        let alpine = ["alpine-3.20 secdb 2", "alpine-edge secdb 2", "osv-alpine osv-severities 1"];
        check(&["-epss", "-kev"], Some(&["Alpine:v3.20", "Alpine:edge"]), &alpine);
        let all_but = ["-epss", "-kev", "-osv-alpine", "-alpine-3.20"];
        check(&all_but, Some(&["Alpine:v3.20", "Alpine:edge"]), &["alpine-edge secdb 2"]);
        check(&["-epss", "-kev", "-alpine", "-osv-alpine"], Some(&["Alpine:v3.20"]), &[]);
        check(&["-epss", "-kev", "-osv-alpine", "alpine=/srv/secdb"], Some(&["Alpine:v3.20"]), &["alpine secdb 1"]);
        check(&["-epss", "-kev"], Some(&["CPE"]), &["nvd nvd 3"]);
        check(&["-epss", "-kev", "+rustsec"], Some(&["Hex"]), &["osv-hex osv 1", "rustsec rustsec 1"]);
        check(
            &["-epss", "-kev", "ours=osv:/srv/advisories", "far=rustsec:https://a.example/x.tar.gz"],
            Some(&[]),
            &["far rustsec 1", "ours osv 1"],
        );
        let by_default: BTreeSet<&str> =
            sources().filter(|source| source.by_default).map(|source| source.name).collect();
        let planned: Vec<PlannedFeed> = plan(&[], None, 2004).unwrap();
        assert_eq!(planned.iter().map(|feed| feed.source.as_str()).collect::<BTreeSet<_>>(), by_default);
    }

    #[test]
    fn a_feed_is_where_the_operator_says() {
        let choices = ["nvd=https://mirror.example/{year}.json.gz", "debian=/srv/debian.json"];
        let choices: Vec<Choice> = choices.iter().map(|text| text.parse().unwrap()).collect();
        let wanted = [Ecosystem::new(Family::Cpe), Ecosystem::release(Family::Debian, "12")];
        let feeds = plan(&choices, Some(&wanted), 2003).unwrap();
        let places = |name: &str| -> Vec<String> {
            let feed = feeds.iter().find(|feed| feed.name == name).unwrap();
            feed.documents.iter().map(ToString::to_string).collect()
        };
        assert_eq!(places("nvd"), ["https://mirror.example/2002.json.gz", "https://mirror.example/2003.json.gz"]);
        assert_eq!(places("debian"), ["/srv/debian.json"]);
    }

    #[test]
    fn what_is_no_choice_is_refused() {
        let table = [
            ("", "`` is no choice of a feed"),
            ("npm", "`npm` is no choice of a feed"),
            ("=x", "`` cannot be the name of a feed"),
            ("a=", "`a=` is no choice of a feed"),
            ("../x=osv:/x", "`../x` cannot be the name of a feed"),
            ("A=osv:/x", "`A` cannot be the name of a feed"),
            ("-debain", "there is no feed `debain`"),
            ("-kov", "there is no feed `kov`"),
            ("-", "there is no feed ``"),
            ("-../x", "there is no feed `../x`"),
            ("+x", "there is no feed `x`"),
            ("x=https://a.example/", "there is no feed `x`"),
            ("ours=osv:ftp://a/x", "the address of feed `ours` is not understood"),
            ("debian=https://me:pw@a/", "the address of feed `debian` is not understood"),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Choice>().unwrap_err().to_string(), expected, "{text}");
        }
        assert!(matches!("-debain".parse::<Choice>(), Err(ChoiceError::Unknown { nearest: Some("debian"), .. })));
        assert_eq!(planned(&["kev=osv:/x"], None), Err(ChoiceError::Twice("kev".to_owned())));
        let name = |bytes: usize| format!("{}=osv:/x", "a".repeat(bytes)).parse::<Choice>();
        assert!(name(NAME_BYTES_MAX).is_ok() && name(NAME_BYTES_MAX + 1).is_err());
    }

    #[test]
    fn what_is_left_out_is_named_exactly_or_by_its_publisher() {
        let table = [
            ("-epss", "epss", true),
            ("-epss", "epss-2", false),
            ("-epss", "kev", false),
            ("+rustsec", "rustsec", false),
            ("debian=/srv/x", "debian", false),
            ("ours=osv:/srv/x", "ours", false),
            ("-ours", "ours", true),
            ("-ours", "ours-3.20", false),
            ("-alpine", "alpine", true),
            ("-alpine", "alpine-3.20", true),
            ("-alpine", "alpine-edge", true),
            ("-alpine", "alpine-ours", false),
            ("-alpine", "osv-alpine", false),
            ("-alpine-3.20", "alpine-3.20", true),
            ("-alpine-3.20", "alpine-3.21", false),
            ("-npm", "npm", true),
        ];
        for (choice, feed, expected) in table {
            assert_eq!(choice.parse::<Choice>().unwrap().leaves_out(feed), expected, "{choice} {feed}");
        }
    }

    #[test]
    fn a_choice_is_written_as_it_is_read() {
        for text in ["-epss", "-ours", "+rustsec", "debian=https://a.example/x", "ours=osv:/srv/x"] {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
        }
    }
}
