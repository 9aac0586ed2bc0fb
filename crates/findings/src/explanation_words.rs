//! An explanation for people: the answer in the first line, then what it rests on.

use std::fmt::Write as _;

use component::{Location, plain};
use jiff::Timestamp;

use crate::table::{counted, shortened};
use crate::{
    Answer, Decided, Elsewhere, Explanation, Held, Origin, Otherwise, Present, Suppression, Uncovered, VexWord,
};

/// The most characters of what a vulnerability is: the first line of some records is all of them.
const SUMMARY_MAX: usize = 200;

/// An explanation in words: the answer, then what it rests on, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplanationWords {
    /// The answer, in a sentence.
    pub answer: String,
    /// Lines that belong together, each with what it is; a line that goes on with the one before has no title. Some of it comes from
    /// others: whatever shows it keeps it from doing anything.
    pub parts: Vec<Vec<(&'static str, String)>>,
}

/// Puts an explanation into words.
pub fn explanation_words(explanation: &Explanation) -> ExplanationWords {
    let mut words = ExplanationWords { answer: answer(explanation), parts: vec![Vec::new()] };
    if let Some(nearest) = &explanation.nearest {
        words.row("nearest", nearest);
    }
    if let Some(summary) = &explanation.summary {
        words.row("what", &shortened(summary, SUMMARY_MAX));
    }
    if let Some(exploited) = exploited(explanation) {
        words.row("exploited", &exploited);
    }
    for held in &explanation.records {
        words.gap();
        words.held(held);
    }
    words.gap();
    for decided in &explanation.decided {
        words.decided(decided);
    }
    for Otherwise { component, vex } in &explanation.otherwise {
        for word in vex {
            let title = if word.holds { "VEX" } else { "outweighed" };
            words.row(title, &format!("{component}: {}", told(word)));
        }
        words.row("", "no record says that it has it, so that this makes no finding");
    }
    words.gap();
    let not_checked = explanation.uncovered.iter().map(Uncovered::words).chain(explanation.unread.iter().cloned());
    for (position, told) in not_checked.enumerate() {
        words.row(if position == 0 { "not checked" } else { "" }, &told);
    }
    words.gap();
    words.elsewhere(explanation);
    words.gap();
    words.feeds(explanation);
    words.parts.retain(|part| !part.is_empty());
    words
}

/// Writes an explanation for a terminal.
pub fn explanation_table(explanation: &Explanation) -> String {
    /// The titles' column.
    const TITLE: usize = 11;
    let ExplanationWords { answer, parts } = explanation_words(explanation);
    let mut text = plain(&answer) + "\n";
    for (position, part) in parts.iter().enumerate() {
        // What it is follows the answer at once.
        if position > 0 || !part.iter().any(|(title, _)| matches!(*title, "nearest" | "what" | "exploited")) {
            text.push('\n');
        }
        for (title, words) in part {
            let line = format!(" {title:<TITLE$} {}", plain(words));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

fn answer(explanation: &Explanation) -> String {
    let asked = &explanation.asked;
    match explanation.answer {
        Answer::Affected => "Affected.".to_owned(),
        Answer::Suppressed => "Found, and not counted.".to_owned(),
        Answer::NotAffected => "Not affected.".to_owned(),
        Answer::NotOrdered => {
            "Not known: whether a record means the version that is here cannot be told: it is not stated, or has no place in the order.".to_owned()
        }
        Answer::NotHere => "Not affected: no record of it speaks of a package that is here.".to_owned(),
        Answer::NotCovered => {
            "Not known: no record of it speaks of a package that is here, and not all of them were checked.".to_owned()
        }
        Answer::NoSuchComponent => "Not here: no component is called that.".to_owned(),
        Answer::Unknown => format!("Unknown: no feed has a record of `{asked}`."),
    }
}

fn exploited(explanation: &Explanation) -> Option<String> {
    let kev = explanation.kev.map(|kev| match kev.added {
        Some(added) => format!("known to be since {added} (KEV)"),
        None => "known to be (KEV)".to_owned(),
    });
    let epss = explanation.epss.map(|epss| format!("EPSS {:.1} %", epss.probability * 100.0));
    let parts: Vec<String> = kev.into_iter().chain(epss).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

impl ExplanationWords {
    fn row(&mut self, title: &'static str, words: &str) {
        if let Some(part) = self.parts.last_mut() {
            part.push((title, words.to_owned()));
        }
    }

    /// What follows is another part.
    fn gap(&mut self) {
        self.parts.push(Vec::new());
    }

    fn held(&mut self, held: &Held) {
        let kind = if held.is_source { " (source)" } else { "" };
        let date = date(held.feed_newest);
        self.row(
            "record",
            &format!("{} for {}{kind}, {}, feed {}{date}", held.record, held.package, held.ecosystem, held.feed),
        );
        let title = match held.says.as_str() {
            "affected" => "vulnerable",
            "not-affected" => "unaffected",
            _ => "not known of",
        };
        let versions =
            if held.ranges == "all versions" { held.ranges.clone() } else { format!("versions {}", held.ranges) };
        self.row(title, &versions);
        if !held.qualifiers.is_empty() {
            self.row("only", &held.qualifiers.join("; "));
        }
        self.present(&held.present);
        match &held.comparison {
            // A comparison says it all, but for what else must hold.
            Some(comparison) => {
                self.row("compared", &comparison.to_string());
                let is_told = held.meant || held.because == "the version lies outside of the ranges";
                if !is_told {
                    self.row("because", &held.because);
                }
            }
            None => self.row("because", &held.because),
        }
    }

    /// What is said of a finding, in the order in which that is decided.
    fn decided(&mut self, decided: &Decided) {
        let Decided { component, suppressions, overruled, vex } = decided;
        let said = |suppression: &Suppression| {
            let Suppression { by, who, why, reference, expires, .. } = suppression;
            let reference = reference.as_deref().filter(|reference| !why.contains(*reference));
            let reference = reference.map(|reference| format!(" ({reference})")).unwrap_or_default();
            let until = expires.map(|end| format!(", until {}", end.strftime("%Y-%m-%d"))).unwrap_or_default();
            format!("{component} {}, {who}: {why}{reference}{until}", by.words())
        };
        for (position, suppression) in suppressions.iter().enumerate() {
            self.row(if position == 0 { "not counted" } else { "and so" }, &said(suppression));
        }
        let holding = vex.iter().find(|word| word.holds);
        if let Some(Origin { referrer, pusher }) =
            holding.filter(|_| !suppressions.is_empty()).and_then(|word| word.beside.as_ref())
        {
            self.row("VEX", &format!("beside the image as {referrer}, pushed by {pusher}"));
        }
        if suppressions.is_empty()
            && let Some(word) = holding
        {
            self.row("VEX", &format!("{component}: {}", told(word)));
        }
        for suppression in overruled {
            self.row("overruled", &said(suppression));
        }
        for word in vex.iter().filter(|word| !word.holds) {
            self.row("outweighed", &format!("{component}: {}", told(word)));
        }
    }

    fn present(&mut self, present: &[Present]) {
        /// More of one version are counted.
        const SHOWN: usize = 5;
        for (position, Present { component, source, location }) in present.iter().take(SHOWN).enumerate() {
            let mut text = component.to_string();
            if let Some(source) = source {
                let _infallible = write!(text, " (source {source})");
            }
            if let Some(location) = location {
                let _infallible = write!(text, ", {}", place(location));
            }
            self.row(if position == 0 { "present" } else { "" }, &text);
        }
        if present.len() > SHOWN {
            self.row("", &format!("and {} more", present.len() - SHOWN));
        }
    }

    fn elsewhere(&mut self, explanation: &Explanation) {
        /// More are counted: JSON has them.
        const SHOWN: usize = 8;
        if explanation.elsewhere.is_empty() {
            return;
        }
        let is_here = !explanation.records.is_empty();
        for (position, other) in explanation.elsewhere.iter().take(SHOWN).enumerate() {
            let Elsewhere { record, feed, ecosystem, package, says, ranges } = other;
            let title = match (position, is_here) {
                (0, true) => "elsewhere",
                (0, false) => "it is about",
                _ => "",
            };
            let says = says.replace('-', " ");
            self.row(title, &format!("{ecosystem} {package}, {says}: {ranges} ({record}, feed {feed})"));
        }
        let untold = explanation.elsewhere.len().saturating_sub(SHOWN) + explanation.elsewhere_untold;
        if untold > 0 {
            self.row("", &format!("and {} more", counted(untold, "statement", "statements")));
        }
    }

    fn feeds(&mut self, explanation: &Explanation) {
        let told = |names: &[String]| {
            let feeds = names.iter().map(|name| {
                let feed = explanation.advisories.feeds.iter().find(|feed| feed.name == *name);
                format!("{name}{}", date(feed.and_then(|feed| feed.newest)))
            });
            feeds.collect::<Vec<_>>().join(", ")
        };
        if !explanation.known_to.is_empty() {
            self.row("known to", &told(&explanation.known_to));
        }
        if !explanation.unknown_to.is_empty() {
            self.row("not known to", &told(&explanation.unknown_to));
        }
    }
}

fn told(word: &VexWord) -> String {
    let VexWord { status, author, document, justification, text, time, holds: _, beside } = word;
    let mut told = format!("{author} says {}", status.replace('_', " "));
    if let Some(justification) = justification {
        let _infallible = write!(told, ", {}", justification.name().replace('_', " "));
    }
    if let Some(text) = text {
        let _infallible = write!(told, ": {text}");
    }
    let _infallible = write!(told, " ({document}{})", date(*time));
    if let Some(Origin { referrer, pusher }) = beside {
        let _infallible = write!(told, ", beside the image as {referrer}, pushed by {pusher}");
    }
    told
}

fn date(moment: Option<Timestamp>) -> String {
    moment.map(|moment| format!(" of {}", moment.strftime("%Y-%m-%d"))).unwrap_or_default()
}

fn place(location: &Location) -> String {
    match location.layer {
        Some(layer) => format!("{location}, layer {}", u32::from(layer) + 1),
        None => location.to_string(),
    }
}
