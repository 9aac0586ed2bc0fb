use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vulndb::file::{Corrupt, Database};
use vulndb::{Ecosystem, Time};

use crate::facts::moment;

/// From how many days on advisories are old, which is said. Publishers add to them every day, and hubs fetch them every day: what is a week old is
/// fetched no more, and what was published since is not found.
pub const ADVISORIES_OLD_DAYS: i64 = 7;

/// The same of one ecosystem's by the newest record alone, where nobody knows when its feeds were last found to have nothing newer: publishers of small
/// ones write nothing for weeks.
pub const ADVISORIES_UNSEEN_OLD_DAYS: i64 = 30;

/// Feeds that are told one by one; more are counted.
const FEEDS_TOLD_MAX: usize = 5;

/// Ecosystems of a feed that are told one by one; more are counted.
const ECOSYSTEMS_TOLD_MAX: usize = 4;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The database that an inventory was held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ReportAdvisories")]
pub struct Advisories {
    /// When the newest of its records was made or changed.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub newest: Option<Timestamp>,
    /// The feeds that it was made of.
    pub feeds: Vec<FeedState>,
    /// The ecosystems of what was looked at of which it speaks, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ecosystems: Vec<Covered>,
}

/// A feed that a database was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedState {
    /// Its name.
    pub name: String,
    /// The name of the reader that understood it.
    pub reader: String,
    /// When the newest of its records was made or changed.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub newest: Option<Timestamp>,
    /// When it was last found to have nothing newer than what is here, where that was asked for and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub checked: Option<Timestamp>,
    /// How many advisories it has.
    pub advisories: u64,
}

/// An ecosystem of which a database speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Covered {
    /// Its name: `Debian:12`.
    pub ecosystem: String,
    /// The feeds that say most of it, of which the newest says how old that is.
    pub feeds: Vec<String>,
}

/// A feed by which what is known of some ecosystems is old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldFeed<'a> {
    /// The feed.
    pub feed: &'a FeedState,
    /// The ecosystems.
    pub ecosystems: Vec<&'a str>,
}

/// Says in words that advisories are old at a moment, by when the newest record of them was made or changed.
pub fn are_old(newest: Option<Timestamp>, now: Timestamp) -> Option<String> {
    is_past(newest?, ADVISORIES_OLD_DAYS, now).then(|| {
        format!("the advisories are older than {ADVISORIES_OLD_DAYS} days: what was published since is not found")
    })
}

fn is_past(moment: Timestamp, days: i64, now: Timestamp) -> bool {
    now.as_second().saturating_sub(moment.as_second()) > days * DAY_SECONDS
}

impl Advisories {
    /// Says what a database was made of, and who speaks in it of some ecosystems. Where it is known what time it is, dates [after](vulndb::believed) it are
    /// none: nothing is new by them.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn of<'a, B: AsRef<[u8]>>(
        database: &Database<B>,
        ecosystems: impl IntoIterator<Item = &'a Ecosystem>,
        now: Option<Timestamp>,
    ) -> Result<Self, Corrupt> {
        let now = now.map_or(Time::MAX, Timestamp::as_second);
        let feeds = database.feeds()?;
        let covered = ecosystems
            .into_iter()
            .map(|ecosystem| Ok(Covered { ecosystem: ecosystem.to_string(), feeds: database.main_feeds(ecosystem)? }));
        Ok(Self {
            newest: vulndb::newest(&feeds, now).and_then(moment),
            ecosystems: covered.collect::<Result<_, Corrupt>>()?,
            feeds: feeds
                .into_iter()
                .map(|feed| FeedState {
                    name: feed.name,
                    reader: feed.reader,
                    newest: vulndb::believed(feed.fetched, now).and_then(moment),
                    checked: None,
                    advisories: feed.advisories,
                })
                .collect(),
        })
    }

    /// Tells whether more would be known of how old it is, were it known when feeds were last found to have nothing newer.
    pub fn is_to_check(&self, now: Timestamp) -> bool {
        !self.to_check(now).is_empty()
    }

    /// Takes what is known of when feeds were last found to have nothing newer, of those whose records do not show that they are new.
    pub fn check(&mut self, now: Timestamp, checked: impl Fn(&FeedState) -> Option<Timestamp>) {
        let asked = self.to_check(now);
        for feed in self.feeds.iter_mut().filter(|feed| asked.contains(&feed.name)) {
            feed.checked = checked(feed);
        }
    }

    fn to_check(&self, now: Timestamp) -> BTreeSet<String> {
        let is_new = |feed: &FeedState| feed.newest.is_some_and(|newest| !is_past(newest, ADVISORIES_OLD_DAYS, now));
        let new: BTreeSet<&String> = self.feeds.iter().filter(|feed| is_new(feed)).map(|feed| &feed.name).collect();
        let doubted = self.ecosystems.iter().filter(|covered| !covered.feeds.iter().any(|feed| new.contains(feed)));
        doubted.flat_map(|covered| &covered.feeds).cloned().collect()
    }

    /// Returns the feeds by which what is known of an ecosystem is old: of each the newest of those that say most of it. The oldest comes first.
    pub fn old_feeds(&self, now: Timestamp) -> Vec<OldFeed<'_>> {
        let by_name: BTreeMap<&str, &FeedState> = self.feeds.iter().map(|feed| (feed.name.as_str(), feed)).collect();
        let mut old: Vec<OldFeed<'_>> = Vec::new();
        for Covered { ecosystem, feeds } in &self.ecosystems {
            let speaking: Vec<&FeedState> =
                feeds.iter().filter_map(|feed| by_name.get(feed.as_str()).copied()).collect();
            if !speaking.iter().all(|feed| feed.is_old(now)) {
                continue;
            }
            let Some(newest) = speaking.into_iter().max_by_key(|feed| feed.seen()) else { continue };
            match old.iter_mut().find(|known| known.feed.name == newest.name) {
                Some(known) => known.ecosystems.push(ecosystem),
                None => old.push(OldFeed { feed: newest, ecosystems: vec![ecosystem] }),
            }
        }
        old.sort_by_key(|old| old.feed.seen());
        old
    }

    /// Says in words that the advisories are old at a moment: all of them, or those of ecosystems of what was looked at, a line for each feed.
    pub fn old_in_words(&self, now: Timestamp) -> Vec<String> {
        if let Some(all) = are_old(self.newest, now) {
            return vec![all];
        }
        let old = self.old_feeds(now);
        let mut lines: Vec<String> = old.iter().take(FEEDS_TOLD_MAX).map(OldFeed::in_words).collect();
        match old.len().saturating_sub(FEEDS_TOLD_MAX) {
            0 => {}
            1 => lines.push("the advisories of 1 more feed are old".to_owned()),
            more => lines.push(format!("the advisories of {more} more feeds are old")),
        }
        lines
    }
}

impl FeedState {
    /// Tells whether what was published since it was last seen is not here. What has no date is not judged.
    pub fn is_old(&self, now: Timestamp) -> bool {
        self.seen().is_some_and(|seen| is_past(seen, self.days(), now))
    }

    /// Returns when it was as it is here: found to have nothing newer, or given its newest record.
    fn seen(&self) -> Option<Timestamp> {
        self.checked.max(self.newest)
    }

    fn days(&self) -> i64 {
        if self.checked.is_some() { ADVISORIES_OLD_DAYS } else { ADVISORIES_UNSEEN_OLD_DAYS }
    }
}

impl OldFeed<'_> {
    /// Says it in words.
    pub fn in_words(&self) -> String {
        let Self { feed, ecosystems } = self;
        let told = ecosystems.len().min(ECOSYSTEMS_TOLD_MAX);
        let more = ecosystems.len() - told;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let date = feed.seen().map(|seen| seen.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        let (named, days, name) = (ecosystems[..told].join(", "), feed.days(), &feed.name);
        format!(
            "the advisories of {named}{more} are older than {days} days (feed `{name}`, {date}): what was published since is not found"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 2_000_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number is a moment")
    }

    #[test]
    fn advisories_are_old_after_a_week() {
        let now = at(NOW);
        for (newest, expected) in [
            (None, false),
            (Some(0), false),
            (Some(-1), false),
            (Some(7 * 86_400), false),
            (Some(7 * 86_400 + 1), true),
        ] {
            let newest = newest.map(|age| at(now.as_second() - age));
            assert_eq!(are_old(newest, now).is_some(), expected, "{newest:?}");
        }
    }

    /// Days since the newest record, and since the feed was last found to have nothing newer.
    type Days = (Option<i64>, Option<i64>);

    #[test]
    fn an_ecosystem_is_as_old_as_the_newest_of_the_feeds_that_speak_of_it() {
        let check = |feeds: &[(&str, Days)], ecosystems: &[(&str, &[&str])], expected: &[&str]| {
            let feed = |(name, (newest, checked)): &(&str, Days)| FeedState {
                name: (*name).to_owned(),
                reader: "osv".to_owned(),
                newest: newest.map(|days| at(NOW - days * DAY_SECONDS)),
                checked: checked.map(|days| at(NOW - days * DAY_SECONDS)),
                advisories: 1,
            };
            let covered = |(ecosystem, feeds): &(&str, &[&str])| Covered {
                ecosystem: (*ecosystem).to_owned(),
                feeds: feeds.iter().map(ToString::to_string).collect(),
            };
            let advisories = Advisories {
                newest: feeds
                    .iter()
                    .filter_map(|(_, (newest, _))| *newest)
                    .min()
                    .map(|days| at(NOW - days * DAY_SECONDS)),
                feeds: feeds.iter().map(feed).collect(),
                ecosystems: ecosystems.iter().map(covered).collect(),
            };
            assert_eq!(advisories.old_in_words(at(NOW)), expected, "{feeds:?} {ecosystems:?}");
        };
        let (new, weeks, months) = ((Some(1), None), (Some(30), None), (Some(31), None));
        let all = "the advisories are older than 7 days: what was published since is not found";
        let pypa = "the advisories of PyPI are older than 30 days (feed `pypa`, 2033-04-17): what was published since is not found";
        check(&[], &[], &[]);
        check(&[("pypa", months)], &[("PyPI", &["pypa"])], &[all]);
        check(&[("pypa", months), ("our", new)], &[("PyPI", &["pypa"])], &[pypa]);
        check(&[("pypa", months), ("our", new)], &[("npm", &["our"])], &[]);
        check(&[("pypa", months), ("our", new)], &[("PyPI", &["our", "pypa"])], &[]);
        check(&[("pypa", weeks), ("our", new)], &[("PyPI", &["pypa"])], &[]);
        check(&[("pypa", (None, None)), ("our", new)], &[("PyPI", &["pypa"])], &[]);
        check(&[("pypa", (Some(400), Some(7))), ("our", new)], &[("PyPI", &["pypa"])], &[]);
        check(&[("pypa", (Some(1), Some(400))), ("our", new)], &[("PyPI", &["pypa"])], &[]);
        check(
            &[("pypa", (Some(400), Some(8))), ("our", new), ("b", (Some(40), None))],
            &[("Go", &["b"]), ("PyPI", &["pypa", "b"]), ("npm", &["our"])],
            &[
                "the advisories of Go are older than 30 days (feed `b`, 2033-04-08): what was published since is not found",
                "the advisories of PyPI are older than 7 days (feed `pypa`, 2033-05-10): what was published since is not found",
            ],
        );
        let releases: Vec<String> = (1..=6).map(|release| format!("Debian:{release}")).collect();
        let releases: Vec<(&str, &[&str])> = releases.iter().map(|release| (release.as_str(), &["pypa"][..])).collect();
        let debian = pypa.replace("PyPI", "Debian:1, Debian:2, Debian:3, Debian:4 and 2 more");
        check(&[("pypa", months), ("our", new)], &releases, &[&debian]);
        let names: Vec<String> = (1..=7).map(|number| format!("feed-{number}")).collect();
        let lists: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
        let mut feeds: Vec<(&str, Days)> = names.iter().map(|name| (name.as_str(), months)).collect();
        feeds.push(("our", new));
        let ecosystems: Vec<(&str, &[&str])> =
            names.iter().zip(&lists).map(|(name, list)| (name.as_str(), &list[..])).collect();
        let line =
            |number: usize| pypa.replace("PyPI", &format!("feed-{number}")).replace("pypa", &format!("feed-{number}"));
        let lines: Vec<String> =
            (1..=5).map(line).chain(["the advisories of 2 more feeds are old".to_owned()]).collect();
        check(&feeds, &ecosystems, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_known_of_feeds_is_asked_only_where_it_decides() {
        let feed = |name: &str, days: i64| FeedState {
            name: name.to_owned(),
            reader: "osv".to_owned(),
            newest: Some(at(NOW - days * DAY_SECONDS)),
            checked: None,
            advisories: 1,
        };
        let covered = |ecosystem: &str, feeds: &[&str]| Covered {
            ecosystem: ecosystem.to_owned(),
            feeds: feeds.iter().map(ToString::to_string).collect(),
        };
        let mut advisories = Advisories {
            newest: Some(at(NOW)),
            feeds: vec![feed("a", 40), feed("b", 50), feed("c", 8), feed("new", 7), feed("other", 90)],
            ecosystems: vec![covered("npm", &["a", "b"]), covered("Go", &["new", "other"]), covered("PyPI", &["c"])],
        };
        assert!(advisories.is_to_check(at(NOW)) && !advisories.is_to_check(at(NOW - 50 * DAY_SECONDS)));
        let asked = std::cell::RefCell::new(Vec::new());
        advisories.check(at(NOW), |feed| {
            asked.borrow_mut().push(feed.name.clone());
            // One was found to have nothing newer today, one was not asked for since its newest record came.
            match feed.name.as_str() {
                "b" => Some(at(NOW)),
                "c" => Some(at(NOW - 8 * DAY_SECONDS)),
                _ => None,
            }
        });
        assert_eq!(*asked.borrow(), ["a", "b", "c"]);
        let old = "the advisories of PyPI are older than 7 days (feed `c`, 2033-05-10): what was published since is not found";
        assert_eq!(advisories.old_in_words(at(NOW)), [old]);
    }
}
