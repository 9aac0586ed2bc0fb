use std::fmt;

use serde::Serialize;

/// What a reader repaired in a document, or dropped from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Repairs {
    /// In the order in which they were met, [`Repairs::LISTED_MAX`] at most.
    pub listed: Vec<Repair>,
    /// How many more there were.
    pub unlisted: u64,
    /// How many of all of them show that the document is wrong.
    pub wrong: u64,
}

/// One part of a document that was repaired or dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Where: `components[3].purl`.
    pub place: String,
    /// What was done.
    pub kind: RepairKind,
    /// The beginning of what stood there.
    pub found: String,
}

/// What was done to a part of a document, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepairKind {
    /// Of another JSON type than the format says; dropped.
    WrongType,
    /// A number or truth value where the format has a text; taken as text.
    TakenAsText,
    /// A text longer than the limit; dropped.
    TooLong,
    /// More items than the limit in one list; the rest was dropped.
    TooManyItems,
    /// A component without a name; dropped.
    NoName,
    /// Not a purl; dropped.
    InvalidPurl,
    /// Another version than the component's purl has; the purl's is taken.
    OtherVersion,
    /// A digest that is not hexadecimal of its algorithm's length; dropped.
    InvalidHash,
    /// A word that the format does not have; taken as if absent.
    UnknownWord,
    /// A reference that another component had before; later mentions mean the first.
    DuplicateReference,
    /// A component that stands twice, equal in all that is kept; taken once.
    DuplicateComponent,
    /// An edge to or from something that is not in the document; dropped.
    DanglingReference,
    /// An edge that names a component by its purl or name instead of its reference; taken as that component.
    LooseReference,
    /// An edge from a component to itself; dropped.
    SelfReference,
    /// A property of our namespace that does not read as documented; dropped.
    InvalidProperty,
    /// A time that is not RFC 3339; dropped.
    InvalidTime,
    /// A byte order mark before the document; skipped.
    ByteOrderMark,
    /// A line that is no purl; dropped.
    InvalidLine,
    /// Correct, and an inventory has no place for it: a hash by another algorithm, a relationship of another kind; dropped.
    NoPlace,
    /// A component that is a file, not a package, and has no purl; dropped with its edges.
    NotAPackage,
    /// An operating system beside the first; dropped.
    SecondDistribution,
    /// An edge to another document; dropped.
    OtherDocument,
}

impl RepairKind {
    /// Tells whether the document is wrong there, as opposed to saying what an inventory has no place for.
    pub fn is_wrong(self) -> bool {
        !matches!(
            self,
            Self::NoPlace
                | Self::NotAPackage
                | Self::SecondDistribution
                | Self::OtherDocument
                | Self::DuplicateComponent
        )
    }

    /// Tells whether something that advisories may speak of is gone: a component, its purl or version, or the system that it is of.
    pub fn loses(self) -> bool {
        matches!(
            self,
            Self::WrongType
                | Self::TooLong
                | Self::TooManyItems
                | Self::NoName
                | Self::InvalidPurl
                | Self::InvalidLine
                | Self::SecondDistribution
        )
    }

    /// Returns what was done, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::WrongType => "of the wrong JSON type, dropped",
            Self::TakenAsText => "not a text, taken as one",
            Self::TooLong => "too long, dropped",
            Self::TooManyItems => "too many items, the rest dropped",
            Self::NoName => "a component without a name, dropped",
            Self::InvalidPurl => "not a purl, dropped",
            Self::OtherVersion => "not the version of the purl, which is taken",
            Self::InvalidHash => "not a digest of its algorithm, dropped",
            Self::UnknownWord => "not a word of the format, ignored",
            Self::DuplicateReference => "a reference that is taken, later mentions mean the first",
            Self::DuplicateComponent => "a component that stands twice, taken once",
            Self::DanglingReference => "refers to nothing in the document, dropped",
            Self::LooseReference => "refers by purl or name, taken as that component",
            Self::SelfReference => "refers to itself, dropped",
            Self::InvalidProperty => "a property that does not read as documented, dropped",
            Self::InvalidTime => "not a time, dropped",
            Self::ByteOrderMark => "a byte order mark, skipped",
            Self::InvalidLine => "a line that is no purl, dropped",
            Self::NoPlace => "nothing that an inventory holds, dropped",
            Self::NotAPackage => "a file and no package, dropped",
            Self::SecondDistribution => "a second operating system, dropped",
            Self::OtherDocument => "refers to another document, dropped",
        }
    }
}

impl Repairs {
    /// The most repairs that are listed one by one; a document that is wrong everywhere is wrong in one way.
    pub const LISTED_MAX: usize = 1_000;

    const FOUND_CHARS_MAX: usize = 120;

    /// Tells whether nothing was repaired or dropped.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.unlisted == 0
    }

    pub(super) fn add(&mut self, place: &Place<'_>, kind: RepairKind, found: &str) {
        self.wrong += u64::from(kind.is_wrong());
        if self.listed.len() >= Self::LISTED_MAX {
            self.unlisted += 1;
            return;
        }
        let found = match found.char_indices().nth(Self::FOUND_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &found[..end]),
            None => found.to_owned(),
        };
        self.listed.push(Repair { place: place.to_string(), kind, found });
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.kind.words())?;
        if self.found.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.found.escape_debug()) }
    }
}

/// A place in a document, spelled only when there is something to tell.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Self>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Field(&'static str),
    Item(usize),
}

impl<'p> Place<'p> {
    pub(super) const fn root(field: &'static str) -> Self {
        Self { parent: None, step: Step::Field(field) }
    }

    pub(super) const fn field(&'p self, field: &'static str) -> Self {
        Self { parent: Some(self), step: Step::Field(field) }
    }

    pub(super) const fn item(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As deep as the code that made it, which is bounded by the limit on nesting.
        if let Some(parent) = self.parent {
            parent.fmt(formatter)?;
        }
        match self.step {
            Step::Field(field) if self.parent.is_some() => write!(formatter, ".{field}"),
            Step::Field(field) => formatter.write_str(field),
            Step::Item(index) => write!(formatter, "[{index}]"),
        }
    }
}
