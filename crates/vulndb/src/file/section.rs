/// The parts of a database file, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Where the records came from: a table of feeds.
    Feeds,
    /// A table of ecosystems.
    Ecosystems,
    /// Packages by the hash of ecosystem and name.
    Packages,
    /// A table of the packages' names, in the order of their hashes.
    PackageNames,
    /// A table of what is said of each package, in the order of their hashes: ranges and versions.
    Statements,
    /// A table of advisories without their texts, ordered by feed and name.
    Advisories,
    /// A table of vulnerabilities, ordered by name.
    Vulnerabilities,
    /// A table of all names that advisories and vulnerabilities go by, ordered.
    Names,
    /// A table of packed texts, many in each.
    Texts,
    /// How probable it is that vulnerabilities are exploited.
    Scores,
    /// A table of vulnerabilities that are known to be exploited, ordered by name.
    Exploited,
    /// The sums of all blocks before this.
    Sums,
}

impl Section {
    /// Every section, in the order of the file.
    pub const ALL: [Self; 12] = [
        Self::Feeds,
        Self::Ecosystems,
        Self::Packages,
        Self::PackageNames,
        Self::Statements,
        Self::Advisories,
        Self::Vulnerabilities,
        Self::Names,
        Self::Texts,
        Self::Scores,
        Self::Exploited,
        Self::Sums,
    ];

    /// Returns the section's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feeds => "feeds",
            Self::Ecosystems => "ecosystems",
            Self::Packages => "packages",
            Self::PackageNames => "package names",
            Self::Statements => "statements",
            Self::Advisories => "advisories",
            Self::Vulnerabilities => "vulnerabilities",
            Self::Names => "names",
            Self::Texts => "texts",
            Self::Scores => "scores",
            Self::Exploited => "exploited",
            Self::Sums => "sums",
        }
    }
}
