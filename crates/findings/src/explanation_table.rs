//! An explanation for people: the answer in the first line, then what it rests on.

use std::fmt::Write as _;

use component::{Inventory, Location};
use jiff::Timestamp;

use crate::table::{counted, plain, shortened};
use crate::{Answer, Decided, Elsewhere, Explanation, Held, Present, Suppression, VexWord};

/// The most characters of what a vulnerability is: the first line of some records is all of them.
const SUMMARY_MAX: usize = 200;

/// Writes an explanation; the inventory's layers are named by their numbers.
pub fn explanation_table(explanation: &Explanation, inventory: &Inventory) -> String {
    let mut page = Page { text: String::new() };
    page.sentence(&answer(explanation));
    if let Some(nearest) = &explanation.nearest {
        page.row("nearest", nearest);
    }
    if let Some(summary) = &explanation.summary {
        page.row("what", &shortened(summary, SUMMARY_MAX));
    }
    if let Some(exploited) = exploited(explanation) {
        page.row("exploited", &exploited);
    }
    for held in &explanation.records {
        page.gap();
        page.held(held, inventory);
    }
    if !explanation.decided.is_empty() {
        page.gap();
    }
    for decided in &explanation.decided {
        page.decided(decided);
    }
    page.elsewhere(explanation);
    page.feeds(explanation);
    page.text
}

fn answer(explanation: &Explanation) -> String {
    let asked = &explanation.asked;
    match explanation.answer {
        Answer::Affected => "Affected.".to_owned(),
        Answer::Suppressed => "Found, and not counted.".to_owned(),
        Answer::NotAffected => "Not affected.".to_owned(),
        Answer::NotHere => "Not affected: no record of it speaks of a package that is here.".to_owned(),
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

struct Page {
    text: String,
}

impl Page {
    /// The titles' column.
    const TITLE: usize = 11;

    fn sentence(&mut self, text: &str) {
        self.text.push_str(&plain(text));
        self.text.push('\n');
    }

    fn row(&mut self, title: &str, value: &str) {
        let line = format!(" {title:<width$} {}", plain(value), width = Self::TITLE);
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn held(&mut self, held: &Held, inventory: &Inventory) {
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
        self.present(&held.present, inventory);
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

    fn present(&mut self, present: &[Present], inventory: &Inventory) {
        /// More of one version are counted.
        const SHOWN: usize = 5;
        for (position, Present { component, source, location }) in present.iter().take(SHOWN).enumerate() {
            let mut text = component.to_string();
            if let Some(source) = source {
                let _infallible = write!(text, " (source {source})");
            }
            if let Some(location) = location {
                let _infallible = write!(text, ", {}", place(location, inventory));
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
        self.gap();
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
        self.gap();
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
    let VexWord { status, author, document, justification, text, time, holds: _ } = word;
    let mut told = format!("{author} says {}", status.replace('_', " "));
    if let Some(justification) = justification {
        let _infallible = write!(told, ", {}", justification.name().replace('_', " "));
    }
    if let Some(text) = text {
        let _infallible = write!(told, ": {text}");
    }
    let _infallible = write!(told, " ({document}{})", date(*time));
    told
}

fn date(moment: Option<Timestamp>) -> String {
    moment.map(|moment| format!(" of {}", moment.strftime("%Y-%m-%d"))).unwrap_or_default()
}

fn place(location: &Location, inventory: &Inventory) -> String {
    match location.layer.filter(|layer| usize::from(*layer) < inventory.layers.len()) {
        Some(layer) => format!("{location}, layer {}", u32::from(layer) + 1),
        None => location.to_string(),
    }
}
