use std::fmt;

use vulndb::Level;

/// How severe something is, as pages show it: a word, and a place in the order for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Critical,
    High,
    Medium,
    Low,
    Negligible,
    Unknown,
}

impl Severity {
    pub(crate) fn of(level: Option<Level>) -> Self {
        match level {
            Some(Level::Critical) => Self::Critical,
            Some(Level::High) => Self::High,
            Some(Level::Medium) => Self::Medium,
            Some(Level::Low) => Self::Low,
            Some(Level::Negligible) => Self::Negligible,
            None => Self::Unknown,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Negligible => "negligible",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<span class=\"severity {0}\">{0}</span>", self.word())
    }
}

impl askama::filters::HtmlSafe for Severity {}
