//! A database as it is sent: the file comes of it byte for byte, or nothing that is believed.

use proptest::prelude::*;
use vulndb::file::{Builder, Database, PackedError, Section, pack, unpack};
use vulndb::{Advisory, Probability, Records, Reference};

use crate::file::{advisory, affected, any_advisory, feed, npm, of_two_feeds, sample};

fn packed(file: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    pack(&Database::open(file).unwrap(), &mut packed).unwrap();
    packed
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, PackedError> {
    unpacked_within(packed, 1 << 30)
}

fn unpacked_within(mut packed: &[u8], bytes_max: u64) -> Result<Vec<u8>, PackedError> {
    let mut file = Vec::new();
    unpack(&mut packed, &mut file, bytes_max).map(|()| file)
}

fn check(file: &[u8]) {
    assert!(unpacked(&packed(file)).unwrap() == file);
}

#[test]
fn the_file_comes_of_it() {
    check(&Builder::new().finish().unwrap());
    check(&sample().finish().unwrap());
}

#[test]
fn the_earliest_and_the_latest_times_come_of_it() {
    let at = |time| Advisory { published: Some(time), ..advisory(&format!("AT{time}"), &[], Vec::new()) };
    let times = [i64::MIN, i64::MIN + 1, -86_401, -86_400, -1, 0, 1, 86_399, 86_400, i64::MAX];
    check(&of_two_feeds(times.map(at).into(), Vec::new()));
}

/// An advisory may have more names than there are bytes for, and be told of at addresses of all of them.
#[test]
fn addresses_by_all_names_come_of_it() {
    let names: Vec<String> = (0..10).map(|number| format!("CVE-2026-00{number:02}")).collect();
    let reference =
        |name: &String| Reference { kind: "WEB".to_owned(), url: format!("https://a.example/{name}/{name}?") };
    let told = Advisory {
        upstream: names.clone(),
        references: names.iter().map(reference).collect(),
        ..advisory("ALSA-2026:1", &["A", ""], vec![affected(&npm(), "a", "1"), affected(&npm(), "a", "2")])
    };
    check(&of_two_feeds(vec![told], Vec::new()));
}

/// Publishers tell of one vulnerability in the same words, in lines of their own, and lead to the same addresses.
#[test]
fn texts_of_many_advisories_come_of_it() {
    let words = |number: usize| {
        let flaw = format!(
            "A flaw in the handling of widgets of kind {} was found in \u{e9}clair before {number}.",
            number % 7
        );
        format!("{flaw} An attacker who may send widgets to it can read memory that is not theirs, or stop it.")
    };
    let broken =
        |text: &str| text.split(' ').collect::<Vec<_>>().chunks(9).map(|line| line.join(" ")).collect::<Vec<_>>();
    let told = |number: usize| {
        let (id, text) = (format!("CVE-2026-{number:04}"), words(number));
        let details = if number.is_multiple_of(2) { text } else { broken(&text).join("\n") };
        let commit = format!("https://git.example/{number:040x}");
        let urls = ["https://a.example/advisories".to_owned(), format!("https://b.example/{id}"), commit];
        let references = urls.map(|url| Reference { kind: "WEB".to_owned(), url }).into();
        Advisory { summary: "A flaw".to_owned(), details, references, ..advisory(&id, &[], Vec::new()) }
    };
    let file = of_two_feeds((0..500).map(told).collect(), (0..500).step_by(3).map(told).collect());
    check(&file);
    let texts = [Section::Summaries, Section::Details, Section::References];
    let opened = Database::open(file.as_slice()).unwrap();
    let bytes: u64 = opened.sizes().filter(|(section, _)| texts.contains(section)).map(|(_, bytes)| bytes).sum();
    assert!((packed(&file).len() as u64) < bytes / 5);
}

/// Blocks end within records, names and scores are many, and a feed speaks of what another has too.
#[test]
fn a_file_of_many_blocks_comes_of_it() {
    let mut builder = sample();
    let many = (0..3000).map(|number| {
        let name = format!("package-{}", number % 700);
        advisory(
            &format!("MANY-{number}"),
            &[&format!("CVE-2025-{:04}", number / 2)],
            vec![affected(&npm(), &name, "1.0.0")],
        )
    });
    let probabilities = (0..70_000_u32).map(|number| {
        let share = f32::from(u16::try_from(number % 10_007).unwrap()) / 10_007.0;
        Probability {
            id: format!("CVE-{}-{:04}", 1999 + number % 25, number),
            probability: share,
            percentile: 1.0 - share,
        }
    });
    let records = Records { advisories: many.collect(), probabilities: probabilities.collect(), ..Records::default() };
    builder.add(feed("many"), records);
    let file = builder.finish().unwrap();
    check(&file);
    // What follows from the rest is not sent.
    let follows = [Section::Packages, Section::Vulnerabilities, Section::Names, Section::Sums];
    let sizes: Vec<_> = Database::open(&file).unwrap().sizes().collect();
    let bytes: u64 = sizes.iter().filter(|(section, _)| follows.contains(section)).map(|(_, bytes)| bytes).sum();
    assert!((packed(&file).len() as u64) < file.len() as u64 - bytes);
}

#[test]
fn there_is_a_longest_file() {
    let file = sample().finish().unwrap();
    let length = file.len() as u64;
    assert!(unpacked_within(&packed(&file), length).unwrap() == file);
    assert!(
        matches!(unpacked_within(&packed(&file), length - 1), Err(PackedError::TooLong { limit }) if limit == length - 1)
    );
}

#[test]
fn what_was_cut_off_is_refused() {
    let whole = packed(&sample().finish().unwrap());
    for length in 0..whole.len() {
        let error = unpacked(&whole[..length]).unwrap_err();
        assert!(matches!(error, PackedError::Truncated), "{length}: {error}");
    }
    let more = [whole.as_slice(), &[0]].concat();
    assert!(matches!(unpacked(&more), Err(PackedError::NotPacked)));
}

/// What follows from the rest followed otherwise in earlier forms.
#[test]
fn a_file_of_an_earlier_form_is_not_packed() {
    let mut file = sample().finish().unwrap();
    let header = 24 + Section::ALL.len() * 16;
    file[8..10].copy_from_slice(&3_u16.to_le_bytes());
    let sum = crc32fast::hash(&file[..header]).to_le_bytes();
    file[header..header + 4].copy_from_slice(&sum);
    let error = pack(&Database::open(&file).unwrap(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, PackedError::Earlier { found: 3 }), "{error}");
}

#[test]
fn what_is_something_else_is_refused() {
    let told = |bytes: &[u8]| unpacked(bytes).unwrap_err().to_string();
    assert_eq!(told(b"<html>    </html>"), "it is no packed database of Garrison");
    let file = sample().finish().unwrap();
    assert_eq!(told(&file), "it is no packed database of Garrison");
    let mut newer = packed(&file);
    newer[8] = 9;
    assert_eq!(told(&newer), "it is packed in form 9, this program reads 5");
}

/// What is changed is refused, or makes a file that has another digest; nothing panics.
#[test]
fn no_changed_byte_makes_the_same_file() {
    let file = sample().finish().unwrap();
    let good = packed(&file);
    let mut bytes = good.clone();
    for at in 0..bytes.len() {
        for mask in [0x01, 0x10, 0x80] {
            bytes[at] ^= mask;
            assert!(unpacked(&bytes).is_err(), "the byte at {at}");
            bytes[at] = good[at];
        }
    }
}

proptest! {
    #[test]
    fn whatever_was_built_comes_of_it(
        first in prop::collection::vec(any_advisory(), 0..12),
        second in prop::collection::vec(any_advisory(), 0..12),
    ) {
        let file = of_two_feeds(first, second);
        prop_assert!(unpacked(&packed(&file)).unwrap() == file);
    }
}
