//! Which of two databases is the older.
//!
//! The same documents give the same file, so that it states no time at which it was made: it is as old as the newest records of its feeds.

use crate::Time;
use crate::file::Feed;

/// How many seconds after now a date may be that is believed. Clocks are behind by hours, and a publisher's day begins before ours.
pub const AHEAD_SECONDS_MAX: Time = 24 * 60 * 60;

/// Returns a date, unless it is so far [after](AHEAD_SECONDS_MAX) `now` that nothing can have been made at it: what is old would be new by it for
/// ever, and what is newer would look older.
pub fn believed(date: Option<Time>, now: Time) -> Option<Time> {
    date.filter(|date| *date <= now.saturating_add(AHEAD_SECONDS_MAX))
}

/// Says that a database is older than another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its newest record{} is of {}, that of the one in use is of {}", of(.feed.as_deref()), moment(*.newest), moment(*.before))]
pub struct Older {
    /// The feed that shows it; none where the two have no feed in common.
    pub feed: Option<String>,
    /// When the newest record of the older one was made or changed.
    pub newest: Time,
    /// The same of the other.
    pub before: Time,
}

/// Returns whether a database, by its feeds, is older than that which it would take the place of: in a feed that both have, or as a whole
/// where they have none in common. What has no date that is [believed] at `now` is not judged.
pub fn is_older(offered: &[Feed], before: &[Feed], now: Time) -> Option<Older> {
    let mut in_common = offered.iter().filter_map(|feed| {
        let known = before.iter().find(|known| known.name == feed.name)?;
        Some((feed, believed(feed.fetched, now)?, believed(known.fetched, now)?))
    });
    let mut is_any_in_common = false;
    let shown = in_common.find(|(_, newest, before)| {
        is_any_in_common = true;
        newest < before
    });
    if let Some((feed, newest, before)) = shown {
        return Some(Older { feed: Some(feed.name.clone()), newest, before });
    }
    if is_any_in_common {
        return None;
    }
    let (offered, before) = (newest(offered, now)?, newest(before, now)?);
    (offered < before).then_some(Older { feed: None, newest: offered, before })
}

/// Says that a database has nothing of feeds that another has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has nothing of {}, which the one in use has", named(.feeds))]
pub struct Lacking {
    /// The feeds, in the order of their names.
    pub feeds: Vec<String>,
}

/// Returns which feeds a database would lose that it takes the place of another, but for those that are `left_out` on purpose.
pub fn lacks(offered: &[Feed], before: &[Feed], left_out: &[String]) -> Option<Lacking> {
    let is_there = |name: &String| offered.iter().any(|feed| feed.name == *name) || left_out.contains(name);
    let mut feeds: Vec<String> = before.iter().map(|feed| feed.name.clone()).filter(|name| !is_there(name)).collect();
    feeds.sort_unstable();
    (!feeds.is_empty()).then_some(Lacking { feeds })
}

/// Returns how old what is known of packages is: when the newest record was made or changed, by the dates that are [believed] at `now`. Feeds of
/// scores alone change every day, whatever became of the others; their dates count where there is nothing else.
pub fn newest(feeds: &[Feed], now: Time) -> Option<Time> {
    let date = |feed: &Feed| believed(feed.fetched, now);
    let of_packages = feeds.iter().filter(|feed| feed.is_of_packages()).filter_map(date).max();
    of_packages.or_else(|| feeds.iter().filter_map(date).max())
}

fn of(feed: Option<&str>) -> String {
    feed.map(|feed| format!(" of `{feed}`")).unwrap_or_default()
}

fn named(feeds: &[String]) -> String {
    /// More are counted.
    const NAMED_MAX: usize = 4;
    let named: Vec<String> = feeds.iter().take(NAMED_MAX).map(|feed| format!("`{feed}`")).collect();
    let rest = feeds.len().saturating_sub(NAMED_MAX);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

fn moment(time: Time) -> String {
    let moment = jiff::Timestamp::from_second(time);
    moment.map_or_else(|_| "no known day".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = 2_000_000_000;
    const AHEAD: Option<Time> = Some(NOW + AHEAD_SECONDS_MAX);
    const TOO_FAR_AHEAD: Option<Time> = Some(NOW + AHEAD_SECONDS_MAX + 1);

    #[test]
    fn a_database_lacks_what_is_not_left_out_on_purpose() {
        let feeds = |names: &[&str]| -> Vec<Feed> {
            let feed = |name: &&str| Feed {
                name: (*name).to_owned(),
                reader: "osv".to_owned(),
                address: String::new(),
                fetched: None,
                advisories: 0,
                problems: Vec::new(),
            };
            names.iter().map(feed).collect()
        };
        let check = |offered: &[&str], before: &[&str], left_out: &[&str], expected: Option<&str>| {
            let left_out: Vec<String> = left_out.iter().map(ToString::to_string).collect();
            let lacking = lacks(&feeds(offered), &feeds(before), &left_out).map(|lacking| lacking.to_string());
            assert_eq!(lacking.as_deref(), expected, "{offered:?} after {before:?} without {left_out:?}");
        };
        let told = |names: &str| format!("it has nothing of {names}, which the one in use has");
        check(&["a"], &[], &[], None);
        check(&["a", "b"], &["a"], &[], None);
        check(&["a"], &["a", "b"], &["b"], None);
        check(&["a"], &["c", "a", "b"], &["c"], Some(&told("`b`")));
        check(&["z"], &["d", "c", "b", "a"], &[], Some(&told("`a`, `b`, `c`, `d`")));
        check(&[], &["e", "d", "c", "b", "a"], &[], Some(&told("`a`, `b`, `c`, `d` and 1 more")));
    }

    #[test]
    fn scores_do_not_make_advisories_new() {
        let feed = |(reader, fetched): &(&str, Option<Time>)| Feed {
            name: (*reader).to_owned(),
            reader: (*reader).to_owned(),
            address: String::new(),
            fetched: *fetched,
            advisories: 0,
            problems: Vec::new(),
        };
        let check = |feeds: &[(&str, Option<Time>)], expected: Option<Time>| {
            assert_eq!(newest(&feeds.iter().map(feed).collect::<Vec<_>>(), NOW), expected, "{feeds:?}");
        };
        check(&[], None);
        check(&[("secdb", None)], None);
        check(&[("secdb", Some(1)), ("debian-tracker", Some(2)), ("kev", Some(3)), ("epss", Some(4))], Some(2));
        check(&[("kev", Some(3)), ("epss", Some(4))], Some(4));
        check(&[("secdb", AHEAD), ("debian-tracker", Some(2))], AHEAD);
        check(&[("secdb", TOO_FAR_AHEAD), ("debian-tracker", Some(2))], Some(2));
        check(&[("secdb", TOO_FAR_AHEAD), ("epss", Some(4))], Some(4));
        check(&[("secdb", TOO_FAR_AHEAD)], None);
    }

    #[test]
    fn a_database_is_as_old_as_the_feeds_that_it_shares() {
        let feeds = |named: &[(&str, Option<Time>)]| -> Vec<Feed> {
            let feed = |(name, fetched): &(&str, Option<Time>)| Feed {
                name: (*name).to_owned(),
                reader: "osv".to_owned(),
                address: String::new(),
                fetched: *fetched,
                advisories: 0,
                problems: Vec::new(),
            };
            named.iter().map(feed).collect()
        };
        let check = |offered: &[(&str, Option<Time>)], before: &[(&str, Option<Time>)], expected: Option<&str>| {
            let older = is_older(&feeds(offered), &feeds(before), NOW);
            assert_eq!(older.map(|older| older.to_string()).as_deref(), expected, "{offered:?} after {before:?}");
        };
        let (early, late) = (Some(1_700_000_000), Some(1_700_000_001));
        let told =
            "its newest record of `a` is of 2023-11-14 22:13:20, that of the one in use is of 2023-11-14 22:13:21";
        check(&[], &[], None);
        check(&[], &[("a", late)], None);
        check(&[("a", early)], &[], None);
        check(&[("a", late)], &[("a", late)], None);
        check(&[("a", late)], &[("a", early)], None);
        check(&[("a", early)], &[("a", late)], Some(told));
        // One feed that went back is enough, whatever else came on.
        check(&[("b", late), ("a", early)], &[("a", late), ("b", early)], Some(told));
        // A feed that is not wanted any more is not one that went back.
        check(&[("a", early)], &[("a", early), ("b", late)], None);
        check(&[("a", None)], &[("a", late)], None);
        check(&[("a", early)], &[("a", None)], None);
        let told = "its newest record is of 2023-11-14 22:13:20, that of the one in use is of 2023-11-14 22:13:21";
        check(&[("a", early)], &[("b", late)], Some(told));
        check(&[("a", late)], &[("b", early)], None);
        // A date that nothing can have makes nothing new, and nothing that comes after it old.
        check(&[("a", late)], &[("a", TOO_FAR_AHEAD)], None);
        check(&[("a", TOO_FAR_AHEAD)], &[("a", late)], None);
        check(&[("a", late)], &[("b", TOO_FAR_AHEAD)], None);
        check(&[("a", early), ("b", TOO_FAR_AHEAD)], &[("c", late)], Some(told));
        check(&[("a", AHEAD)], &[("a", late)], None);
        let told =
            "its newest record of `a` is of 2023-11-14 22:13:21, that of the one in use is of 2033-05-19 03:33:20";
        check(&[("a", late)], &[("a", AHEAD)], Some(told));
    }

    #[test]
    fn a_day_ahead_is_believed_and_no_more() {
        for (date, expected) in
            [(None, None), (Some(0), Some(0)), (Some(NOW), Some(NOW)), (AHEAD, AHEAD), (TOO_FAR_AHEAD, None)]
        {
            assert_eq!(believed(date, NOW), expected, "{date:?}");
        }
        assert_eq!(believed(Some(Time::MAX), Time::MAX), Some(Time::MAX));
    }
}
