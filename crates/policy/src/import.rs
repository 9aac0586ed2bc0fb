//! Other scanners' ignore rules as exceptions. What has no counterpart is left and told: a rule that loses a condition would ignore more.

use std::collections::{HashMap, HashSet};

use component::{Pattern, PurlPattern};

use crate::document::{check_lifetime, is_unprintable};
use crate::moment::DAY;
use crate::{DOCUMENT_BYTES_MAX, EXCEPTIONS_MAX, Exception, Exceptions, LIFETIME_DAYS_MAX, Mistake, ReadError, Time};

mod grype;
mod paths;
mod trivyignore;
mod trivyignore_yaml;

/// What rules of other scanners may be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Trivy's `.trivyignore`: a vulnerability a line.
    TrivyIgnore,
    /// Trivy's `.trivyignore.yaml`.
    TrivyIgnoreYaml,
    /// Grype's configuration: the rules below `ignore`.
    Grype,
}

impl Source {
    /// Returns the source that a file's name and beginning stand for.
    pub fn recognize(file_name: &str, bytes: &[u8]) -> Self {
        let name = file_name.rsplit('/').next().unwrap_or(file_name).to_ascii_lowercase();
        let has_key = |key: &str| {
            let text = String::from_utf8_lossy(bytes);
            text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
        };
        if has_key("ignore") || name.contains("grype") {
            Self::Grype
        } else if ["vulnerabilities", "misconfigurations", "secrets", "licenses"].into_iter().any(has_key)
            || matches!(name.rsplit_once('.'), Some((_, "yaml" | "yml")))
        {
            Self::TrivyIgnoreYaml
        } else {
            Self::TrivyIgnore
        }
    }

    /// Returns what it is called: `.trivyignore`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TrivyIgnore => ".trivyignore",
            Self::TrivyIgnoreYaml => ".trivyignore.yaml",
            Self::Grype => "Grype's configuration",
        }
    }
}

/// What rules of other scanners do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Who answers for the exceptions.
    pub owner: String,
    /// From when on they count.
    pub created: Time,
    /// When those end that have no end of their own.
    pub expires: Time,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The exceptions.
    pub exceptions: Exceptions,
    /// What was left, or is not as it was.
    pub remarks: Vec<Remark>,
}

/// Something that did not come over as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The line of the rule, from 1.
    pub line: u64,
    /// The rule, in a few words.
    pub rule: String,
    /// What became of it.
    pub what: String,
    /// Whether the rule was left out.
    pub is_left_out: bool,
}

/// Turns a file into exceptions.
pub fn import(source: Source, bytes: &[u8], defaults: &Defaults) -> Result<Imported, ReadError> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(ReadError::TooLarge { actual: bytes.len(), limit: DOCUMENT_BYTES_MAX });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8)?;
    check_lifetime(defaults.created, defaults.expires).map_err(|mistake| ReadError::At {
        line: 0,
        column: 0,
        mistake,
    })?;
    let mut importer = Importer {
        source,
        defaults,
        entries: Vec::new(),
        remarks: Vec::new(),
        ids: HashSet::new(),
        numbers: HashMap::new(),
    };
    match source {
        Source::TrivyIgnore => trivyignore::read(text, &mut importer)?,
        Source::TrivyIgnoreYaml => trivyignore_yaml::read(text, &mut importer)?,
        Source::Grype => grype::read(text, &mut importer)?,
    }
    Ok(Imported { exceptions: Exceptions::new(importer.entries), remarks: importer.remarks })
}

struct Importer<'a> {
    source: Source,
    defaults: &'a Defaults,
    entries: Vec<Exception>,
    remarks: Vec<Remark>,
    ids: HashSet<String>,
    /// How many exceptions have a name.
    numbers: HashMap<String, usize>,
}

/// A rule of another scanner, in our words.
#[derive(Default)]
struct Rule {
    line: u64,
    vulnerability: String,
    purls: Vec<String>,
    paths: Vec<String>,
    reason: String,
    expires: Option<Time>,
    only_without_fix: bool,
}

impl Importer<'_> {
    fn left_out(&mut self, line: u64, rule: &str, why: impl Into<String>) {
        self.remarks.push(Remark { line, rule: shown(rule), what: why.into(), is_left_out: true });
    }

    fn changed(&mut self, line: u64, rule: &str, what: impl Into<String>) {
        self.remarks.push(Remark { line, rule: shown(rule), what: what.into(), is_left_out: false });
    }

    fn add(&mut self, rule: &Rule) -> Result<(), ReadError> {
        let line = rule.line;
        if self.entries.len() >= EXCEPTIONS_MAX {
            let mistake = Mistake::TooMany { what: "exceptions", limit: EXCEPTIONS_MAX };
            return Err(ReadError::At { line, column: 1, mistake });
        }
        let name = if rule.vulnerability.is_empty() { "**" } else { &rule.vulnerability }.to_owned();
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::parse(text)).collect::<Result<Vec<_>, _>>();
        let read = patterns(std::slice::from_ref(&name));
        let (vulnerabilities, purls, paths) = match (read, patterns(&rule.purls), patterns(&rule.paths)) {
            (Ok(vulnerabilities), Ok(purls), Ok(paths)) => (vulnerabilities, purls, paths),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                self.left_out(line, &name, error.to_string());
                return Ok(());
            }
        };
        let Defaults { owner, created, expires } = self.defaults.clone();
        let last = created.saturating_add(LIFETIME_DAYS_MAX * DAY);
        let expires = match rule.expires {
            Some(end) if end <= created => {
                self.left_out(line, &name, format!("it expired on {}", crate::write_moment(end)));
                return Ok(());
            }
            Some(end) if end > last => {
                let what = format!(
                    "its end, {}, is later than allowed; it now is {}",
                    crate::write_moment(end),
                    crate::write_moment(last)
                );
                self.changed(line, &name, what);
                last
            }
            Some(end) => end,
            None => expires,
        };
        let reason = rule.reason.replace(is_unprintable, " ");
        let reason = match reason.trim() {
            "" => format!("Taken over from line {line} of {}, which gives no reason", self.source.name()),
            reason => reason[..reason.floor_char_boundary(crate::TEXT_BYTES_MAX)].trim_end().to_owned(),
        };
        let condition = rule.only_without_fix.then_some(crate::Condition::OnlyWithoutFix);
        let id = self.id(rule);
        self.entries.push(Exception {
            id,
            vulnerabilities,
            purls: purls.into_iter().map(PurlPattern::new).collect(),
            versions: None,
            paths,
            scope: Vec::new(),
            owner,
            reason,
            created,
            expires,
            condition,
        });
        Ok(())
    }

    /// The vulnerability's name, with a number where there are several.
    fn id(&mut self, rule: &Rule) -> String {
        let name = if rule.vulnerability.is_empty() { "packages" } else { &rule.vulnerability };
        let name: String = name.to_lowercase().chars().take(128).collect();
        let mut id = name.clone();
        while !self.ids.insert(id.clone()) {
            let number = self.numbers.entry(name.clone()).or_insert(1);
            *number += 1;
            id = format!("{name}-{number}");
        }
        id
    }
}

fn shown(text: &str) -> String {
    text[..text.floor_char_boundary(200)].to_owned()
}
