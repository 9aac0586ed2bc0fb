//! For people: the answer in the first line, by what it was found in the second, then each component with what is wrong with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use component::{PackageType, Subject, plain};
use jiff::Timestamp;
use vulndb::matching::Certainty;
use vulndb::{Channel, Level, Nature};

use crate::{AffectedComponent, Finding, Fix, FixState, Named, Report, Suppressor, Upgrade};

/// How a table is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableOptions {
    /// The columns of the terminal.
    pub width: usize,
    /// The time, by which advisories have an age and distributions an end. Without it neither is told.
    pub now: Option<Timestamp>,
    /// How long it took.
    pub milliseconds: Option<u64>,
}

/// What one component, or several that are built from one source, have in common.
struct Group<'a> {
    component: &'a AffectedComponent,
    /// The names of all of them.
    names: Vec<&'a str>,
    count: usize,
    findings: Vec<&'a Finding>,
}

/// Writes a report.
pub fn table(report: &Report, options: &TableOptions) -> String {
    let mut text = format!("{}\n{}\n", plain(&answer(report)), plain(&by_what(report, options)));
    for line in report.warnings() {
        let _infallible = writeln!(text, "{}", plain(&line));
    }
    let old = options.now.map(|now| report.advisories.old_in_words(now));
    let ended = options.now.map(|now| report.past_its_end(now));
    for line in [old, ended].into_iter().flatten().flatten() {
        let _infallible = writeln!(text, "{}", plain(&line));
    }
    let groups = groups(report);
    if !groups.is_empty() {
        text.push('\n');
    }
    let columns = Columns::of(&groups, options.width);
    for group in &groups {
        for line in columns.lines(report, group) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// The first line.
fn answer(report: &Report) -> String {
    let source = match &report.source {
        Subject::Image { name, digest, platform } => {
            let platform = platform.as_deref().map(|platform| format!(", {platform}")).unwrap_or_default();
            format!("{name} ({}{platform})", short(digest))
        }
        subject if subject.name().is_empty() => "the document".to_owned(),
        subject => subject.name().to_owned(),
    };
    let open = report.findings.iter().filter(|finding| finding.counts());
    let (mended, others): (Vec<_>, Vec<_>) = open.partition(|finding| finding.fix.version.is_some());
    let mut parts = Vec::new();
    match (mended.len(), others.len()) {
        (0, 0) if report.blind().is_some() => parts.push("no findings in what could be checked".to_owned()),
        (0, 0) => parts.push("no findings".to_owned()),
        (0, others) => parts.push(format!("{}, none with a fix", counted(others, "finding", "findings"))),
        (mended, 0) => parts.push(format!("{} to act on", counted(mended, "finding", "findings"))),
        (mended, others) => {
            parts.push(format!("{} to act on, {others} without a fix", counted(mended, "finding", "findings")));
        }
    }
    let mut suppressed: BTreeMap<Suppressor, usize> = BTreeMap::new();
    for first in report.findings.iter().filter_map(|finding| finding.suppressions.first()) {
        *suppressed.entry(first.by).or_default() += 1;
    }
    let words: Vec<String> = suppressed.iter().map(|(by, count)| format!("{count} {}", by.words())).collect();
    match words.as_slice() {
        [] => {}
        [_] => {
            let (by, count) = suppressed.iter().next().map_or(("", 0), |(by, count)| (by.words(), *count));
            parts.push(format!("{count} suppressed {by}"));
        }
        words => {
            parts.push(format!("{} suppressed ({})", suppressed.values().sum::<usize>(), words.join(", ")));
        }
    }
    format!("{source}: {}", parts.join(", "))
}

/// The second line.
fn by_what(report: &Report, options: &TableOptions) -> String {
    let newest = match report.advisories.newest {
        None => "no advisories".to_owned(),
        Some(newest) => {
            let age = options.now.and_then(|now| age(newest, now)).map(|age| format!(" ({age})")).unwrap_or_default();
            format!("advisories of {}{age}", newest.strftime("%Y-%m-%d %H:%M"))
        }
    };
    let mut components = counted(report.inventory.components, "component", "components");
    if !report.layers.is_empty() {
        let _infallible = write!(components, " in {}", counted(report.layers.len(), "layer", "layers"));
    }
    let took = options.milliseconds.map(|milliseconds| format!("{milliseconds} ms"));
    [Some(newest), Some(components), took].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn age(newest: Timestamp, now: Timestamp) -> Option<String> {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const TWO_DAYS: i64 = 2 * DAY;
    let seconds = now.as_second().checked_sub(newest.as_second()).filter(|seconds| *seconds >= 0)?;
    Some(match seconds {
        ..HOUR => format!("{} min old", seconds / MINUTE),
        HOUR..TWO_DAYS => format!("{} h old", seconds / HOUR),
        _ => format!("{} days old", seconds / DAY),
    })
}

/// Returns what is shown together, that with the worst first.
fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut of: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.counts()) {
        of.entry(finding.component.index).or_default().push(finding);
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in &report.findings {
        // Taken with the first of them, which is the worst.
        let index = finding.component.index;
        let (Some(component), Some(findings)) = (report.components.get(index), of.remove(&index)) else { continue };
        match groups.iter_mut().find(|group| is_same(group, component, &findings)) {
            Some(group) => {
                group.count += 1;
                if !group.names.contains(&component.name.as_str()) {
                    group.names.push(&component.name);
                }
            }
            None => groups.push(Group { component, names: vec![&component.name], count: 1, findings }),
        }
    }
    groups
}

/// Tells whether a component is built from the same source as those of a group, or is the same in another place, and has the same
/// findings.
fn is_same(group: &Group<'_>, component: &AffectedComponent, findings: &[&Finding]) -> bool {
    fn origin(component: &AffectedComponent) -> (PackageType, &str, Option<&str>) {
        let is_packaged = matches!(component.package_type, PackageType::Deb | PackageType::Apk | PackageType::Rpm);
        let source = component.source.as_ref().filter(|_| is_packaged);
        let name = source.map_or(&component.name, |source| &source.name);
        (component.package_type, name, component.version.as_deref())
    }
    origin(group.component) == origin(component)
        && group.findings.len() == findings.len()
        && group.findings.iter().zip(findings).all(|(left, right)| {
            (&left.vulnerability, &left.fix, left.severity) == (&right.vulnerability, &right.fix, right.severity)
        })
}

/// The widths of what is shown, by the widest of all rows.
struct Columns {
    width: usize,
    level: usize,
    vulnerability: usize,
    /// Where the last columns end.
    right: usize,
}

/// What stands before the first column.
const INDENT: usize = 1;

/// What stands between columns.
const GAP: usize = 2;

/// `EPSS 97.5 %`.
const EPSS: usize = 11;

/// `KEV`, and what stands before the probability.
const KEV: usize = 3 + GAP + EPSS;

/// The least that is left of a component's name.
const NAME_MIN: usize = 8;

impl Columns {
    fn of(groups: &[Group<'_>], width: usize) -> Self {
        let findings = || groups.iter().flat_map(|group| &group.findings);
        let widest = |of: fn(&Finding) -> usize| findings().map(|finding| of(finding)).max().unwrap_or_default();
        let columns = Self {
            width,
            level: widest(|finding| level(finding).chars().count()),
            vulnerability: widest(|finding| finding.vulnerability.chars().count()),
            right: 0,
        };
        let right = groups.iter().flat_map(|group| {
            let name = name(group, usize::MAX);
            let lengths = group.findings.iter().map(move |finding| joined(&name, &mending(finding)).chars().count());
            lengths.map(|length| columns.head() + length + GAP + KEV).collect::<Vec<_>>()
        });
        Self { right: right.max().unwrap_or_default().min(width), ..columns }
    }

    /// What stands before a component.
    fn head(&self) -> usize {
        INDENT + self.level + GAP + self.vulnerability + GAP
    }

    /// The findings of a group, then what is known of it in the lines below them.
    fn lines(&self, report: &Report, group: &Group<'_>) -> Vec<String> {
        let longest = group.findings.iter().map(|finding| mending(finding).chars().count()).max().unwrap_or_default();
        let name = name(group, self.width.saturating_sub(self.head() + longest + 1));
        let blank = " ".repeat(name.chars().count());
        let rows = group.findings.iter().enumerate();
        let mut lines: Vec<String> = rows
            .map(|(position, finding)| {
                self.row(finding, &joined(if position == 0 { &name } else { &blank }, &mending(finding)))
            })
            .collect();
        lines.extend(self.details(report, group));
        lines
    }

    fn row(&self, finding: &Finding, component: &str) -> String {
        let left = format!(
            "{:INDENT$}{:<level$}{:GAP$}{:<vulnerability$}{:GAP$}{component}",
            "",
            level(finding),
            "",
            plain(&finding.vulnerability),
            "",
            level = self.level,
            vulnerability = self.vulnerability,
        );
        let kev = if finding.kev.is_some() { "KEV" } else { "" };
        let epss = finding.epss.map(|epss| format!("EPSS {:>4.1} %", epss.probability * 100.0)).unwrap_or_default();
        // That it happened is of more use than how probable it is.
        for right in [format!("{kev:<3}{:GAP$}{epss:>EPSS$}", ""), kev.to_owned()] {
            let right = right.trim_end();
            let room = self.right.saturating_sub(left.chars().count());
            if right.trim_start().is_empty() {
                break;
            }
            if room >= GAP + KEV {
                let from = room - KEV;
                return format!("{left}{:from$}{right}", "");
            }
            let right = right.trim_start();
            if room >= GAP + right.chars().count() {
                let from = room - right.chars().count();
                return format!("{left}{:from$}{right}", "");
            }
        }
        shortened(&left, self.width)
    }

    /// What clears them, who brought it in, where it is and what made that layer: as many on a line as fit.
    fn details(&self, report: &Report, group: &Group<'_>) -> Vec<String> {
        let indent = INDENT + self.level + GAP;
        let room = self.width.saturating_sub(indent).max(NAME_MIN);
        let component = group.component;
        let details = [clearing(group), brought_by(component, room), place(group), layer(report, component)];
        let mut lines: Vec<String> = Vec::new();
        for detail in details.into_iter().flatten() {
            let detail = shortened(&plain(&detail), room);
            match lines.last_mut() {
                Some(line) if line.chars().count() + 3 + detail.chars().count() <= room => {
                    line.push_str("   ");
                    line.push_str(&detail);
                }
                _ => lines.push(detail),
            }
        }
        lines.into_iter().map(|line| format!("{:indent$}{line}", "")).collect()
    }
}

/// How severe it is, or what it is where that says more.
fn level(finding: &Finding) -> String {
    let word = match (finding.nature, finding.severity) {
        (Nature::Malware, _) | (Nature::Unmaintained | Nature::Unsound | Nature::Notice, None) => {
            finding.nature.as_str()
        }
        (_, severity) => severity.map_or("unknown", Level::as_str),
    };
    word.to_uppercase()
}

/// Returns what a group is called: all names and the version, or as much of that as there is room for.
fn name(group: &Group<'_>, room: usize) -> String {
    /// More than these are counted.
    const SHOWN: usize = 3;
    let some = |shown: usize| {
        let names = &group.names[..group.names.len().min(shown)];
        let mut name = names.join(", ");
        if group.names.len() > shown {
            let _infallible = write!(name, " +{}", group.names.len() - shown);
        }
        name
    };
    let version = group.component.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let choices = [format!("{}{version}", some(SHOWN)), format!("{}{version}", some(1)), some(1)];
    let fitting = choices.iter().find(|choice| choice.chars().count() <= room);
    let name = fitting.cloned().unwrap_or_else(|| shortened(&some(1), room.max(NAME_MIN)));
    plain(&name)
}

fn joined(name: &str, mending: &str) -> String {
    if mending.is_empty() { name.to_owned() } else { format!("{name} {mending}") }
}

fn mending(finding: &Finding) -> String {
    let Fix { state, version, channel } = &finding.fix;
    let mut text = match (version, state) {
        (Some(version), _) => format!("-> {version}"),
        (None, FixState::NotFixed) => String::new(),
        (None, state) => format!("({})", state.words()),
    };
    if *channel != Channel::Main {
        let _infallible = write!(text, " ({})", channel.as_str());
    }
    if finding.certainty == Certainty::UnderInvestigation {
        text.push_str(if text.is_empty() { "(not yet known)" } else { " (not yet known)" });
    }
    plain(&text)
}

fn clearing(group: &Group<'_>) -> Option<String> {
    let Upgrade { version, channel, clears, remaining } = group.component.upgrade.as_ref()?;
    let is_told_already = matches!(group.findings.as_slice(), [only] if only.fix.version.as_deref() == Some(version));
    if is_told_already && remaining.is_empty() {
        return None;
    }
    let channel = if *channel == Channel::Main { String::new() } else { format!(" ({})", channel.as_str()) };
    Some(match (group.findings.len(), remaining.as_slice()) {
        (1, []) => format!("{version}{channel} clears it and has nothing else"),
        (2, []) => format!("{version}{channel} clears both"),
        (count, []) => format!("{version}{channel} clears all {count}"),
        (_, [only]) => format!("{version}{channel} clears {}; {only} remains", clears.len()),
        (_, remaining) => format!("{version}{channel} clears {}; {} remain", clears.len(), remaining.len()),
    })
}

/// The way from what someone asked for, as far as it fits: its beginning and its end say most.
fn brought_by(component: &AffectedComponent, room: usize) -> Option<String> {
    let [first, between @ .., _] = component.path.as_slice() else { return None };
    let whole = |between: &[Named], is_cut: bool| {
        let mut text = format!("brought by {first} (direct)");
        if is_cut {
            text.push_str(" > ...");
        }
        for step in between {
            let _infallible = write!(text, " > {step}");
        }
        text
    };
    let cuts = (0..=between.len()).map(|cut| whole(&between[cut..], cut > 0));
    let mut last = None;
    for text in cuts {
        if text.chars().count() <= room {
            return Some(text);
        }
        last = Some(text);
    }
    last
}

fn place(group: &Group<'_>) -> Option<String> {
    let location = group.component.locations.first()?;
    let is_one = group.names.len() == 1;
    let more = if is_one { group.count.max(group.component.locations.len()) - 1 } else { 0 };
    Some(if more > 0 { format!("{location} and {more} more") } else { location.to_string() })
}

fn layer(report: &Report, component: &AffectedComponent) -> Option<String> {
    let place = component.locations.first()?.layer?;
    let layer = report.layers.get(usize::from(place))?;
    let made = layer.created_by.as_deref().map(command).filter(|command| !command.is_empty());
    Some(match made {
        Some(command) => format!("layer {}: {command}", u32::from(place) + 1),
        None => format!("layer {}", u32::from(place) + 1),
    })
}

/// Returns the line of a build file that a layer's history stands for.
fn command(created_by: &str) -> String {
    let text = created_by.split(" # buildkit").next().unwrap_or_default().trim();
    let text = match text.strip_prefix("/bin/sh -c #(nop)") {
        Some(rest) => rest.trim().to_owned(),
        None => match text.strip_prefix("/bin/sh -c ") {
            Some(rest) => format!("RUN {}", rest.trim()),
            None => text.replacen("RUN /bin/sh -c ", "RUN ", 1),
        },
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Returns a digest as people tell it from others: by its beginning and its end.
fn short(digest: &str) -> String {
    const SHOWN: usize = 4;
    match digest.split_once(':') {
        Some((algorithm, hex)) if hex.len() > 4 * SHOWN && hex.is_ascii() => {
            format!("{algorithm}:{}...{}", &hex[..SHOWN], &hex[hex.len() - SHOWN..])
        }
        _ => digest.to_owned(),
    }
}

/// Takes what does not fit out of the middle.
pub(crate) fn shortened(text: &str, room: usize) -> String {
    const MARK: &str = "...";
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(MARK.len());
    let (before, after) = (kept.div_ceil(2), kept / 2);
    let mut short: String = text.chars().take(before).collect();
    short.push_str(MARK);
    short.extend(text.chars().skip(length - after));
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invisible_or_reorders_is_shown_as_what_it_is() {
        assert_eq!(plain("a\u{202e}b\u{200b}c\u{61c}d\u{1b}e"), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e");
    }

    #[test]
    fn what_is_too_long_loses_its_middle() {
        for (text, room, expected) in [
            ("", 0, ""),
            ("abcdefgh", 8, "abcdefgh"),
            ("abcdefgh", 7, "ab...gh"),
            ("abcdefgh", 6, "ab...h"),
            ("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", 4, "\u{e9}..."),
            ("abcdefgh", 1, "..."),
        ] {
            assert_eq!(shortened(text, room), expected, "{text} {room}");
        }
    }

    #[test]
    fn a_layer_is_told_by_its_line_of_the_build_file() {
        for (created_by, expected) in [
            ("", ""),
            ("/bin/sh -c #(nop) ADD file:1 in / ", "ADD file:1 in /"),
            ("/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]"),
            ("/bin/sh -c apt-get update &&     apt-get install", "RUN apt-get update && apt-get install"),
            ("RUN /bin/sh -c make # buildkit", "RUN make"),
            ("COPY app.jar /app/ # buildkit", "COPY app.jar /app/"),
        ] {
            assert_eq!(command(created_by), expected, "{created_by}");
        }
    }

    #[test]
    fn an_age_is_in_the_unit_that_says_most() {
        let age = |seconds: i64| {
            let moment = |second| Timestamp::from_second(second).expect("the table's moments are valid");
            age(moment(1_000_000), moment(1_000_000 + seconds))
        };
        for (seconds, expected) in [
            (-1, None),
            (0, Some("0 min old")),
            (3599, Some("59 min old")),
            (3600, Some("1 h old")),
            (172_799, Some("47 h old")),
            (172_800, Some("2 days old")),
        ] {
            assert_eq!(age(seconds).as_deref(), expected, "{seconds}");
        }
    }

    #[test]
    fn a_digest_is_told_by_its_ends() {
        let hex = format!("9f2c{}41ab", "0".repeat(56));
        assert_eq!(short(&format!("sha256:{hex}")), "sha256:9f2c...41ab");
        assert_eq!(short("sha256:ab"), "sha256:ab");
        assert_eq!(short("none"), "none");
    }
}
