/// The parts of a database file, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Where the records came from: a table of feeds.
    Feeds,
    /// A table of ecosystems.
    Ecosystems,
    /// A table of the packages' names, ordered by ecosystem and name.
    PackageNames,
    /// A table of whose statements there are about each package, in the order of their names: places of advisories, each but the
    /// first from the one before.
    StatementAdvisories,
    /// A table of what is said of each package, in the same orders: ranges and versions.
    Statements,
    /// A table of advisories without their texts, ordered by feed and name.
    Advisories,
    /// A table of the advisories' first lines.
    Summaries,
    /// A table of the advisories' texts.
    Details,
    /// A table of what there is to read about the advisories.
    References,
    /// How probable it is that vulnerabilities are exploited.
    Scores,
    /// A table of vulnerabilities that are known to be exploited, ordered by name.
    Exploited,
    /// Packages by the hash of ecosystem and name.
    Packages,
    /// A table of vulnerabilities, ordered by name.
    Vulnerabilities,
    /// A table of all names that advisories and vulnerabilities go by, ordered.
    Names,
    /// The sums of all blocks before this.
    Sums,
}

impl Section {
    /// Every section, in the order of the file.
    pub const ALL: [Self; 15] = [
        Self::Feeds,
        Self::Ecosystems,
        Self::PackageNames,
        Self::StatementAdvisories,
        Self::Statements,
        Self::Advisories,
        Self::Summaries,
        Self::Details,
        Self::References,
        Self::Scores,
        Self::Exploited,
        Self::Packages,
        Self::Vulnerabilities,
        Self::Names,
        Self::Sums,
    ];

    /// Returns the section's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feeds => "feeds",
            Self::Ecosystems => "ecosystems",
            Self::PackageNames => "package names",
            Self::StatementAdvisories => "statement advisories",
            Self::Statements => "statements",
            Self::Advisories => "advisories",
            Self::Summaries => "summaries",
            Self::Details => "details",
            Self::References => "references",
            Self::Scores => "scores",
            Self::Exploited => "exploited",
            Self::Packages => "packages",
            Self::Vulnerabilities => "vulnerabilities",
            Self::Names => "names",
            Self::Sums => "sums",
        }
    }
}
