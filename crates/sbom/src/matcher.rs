use std::fmt::Write as _;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::layer::Kept;
use crate::{Cataloger, Excluded, Extractor, Keep, Pattern};

/// The claims of all selected catalogers, compiled into one set, so that a path is matched once however many claims there are.
#[derive(Debug)]
pub struct Matcher {
    catalogers: Vec<&'static Cataloger>,
    paths: GlobSet,
    /// The claim of each pattern in the set.
    path_claims: Vec<ClaimRef>,
    /// The claims on executables.
    executable_claims: Vec<ClaimRef>,
    /// The paths that are no catalogers' business.
    excluded: Excluded,
    fingerprint: String,
}

/// A claim of a selected cataloger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimRef {
    pub(crate) cataloger: usize,
    pub(crate) claim: usize,
    pub(crate) keep: Keep,
}

/// What is kept of one file.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    /// The bytes, up to this many.
    pub(crate) bytes_limit: Option<u64>,
    /// Records, each extractor once.
    pub(crate) records: Vec<&'static Extractor>,
}

impl Wants {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes_limit.is_none() && self.records.is_empty()
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        other.bytes_limit.into_iter().for_each(|limit_bytes| self.add(Keep::Bytes { limit_bytes }));
        other.records.into_iter().for_each(|extractor| self.add(Keep::Record(extractor)));
    }

    /// Leaves out what is wanted of the same file under another name as well.
    pub(crate) fn leave_out(&mut self, other: &Self) {
        self.records.retain(|extractor| !other.records.iter().any(|other| other.name == extractor.name));
        self.bytes_limit = self.bytes_limit.filter(|limit| other.bytes_limit.is_none_or(|other| other < *limit));
    }

    /// Leaves out what was kept of the file.
    pub(crate) fn leave_out_kept(&mut self, kept: &[Kept]) {
        let has = |name: Option<&str>| kept.iter().any(|kept| kept.extractor.as_deref() == name);
        self.records.retain(|extractor| !has(Some(extractor.name)));
        self.bytes_limit = self.bytes_limit.filter(|_| !has(None));
    }

    fn add(&mut self, keep: Keep) {
        match keep {
            Keep::Bytes { limit_bytes } => self.bytes_limit = Some(self.bytes_limit.unwrap_or(0).max(limit_bytes)),
            Keep::Record(extractor) => {
                if !self.records.iter().any(|known| known.name == extractor.name) {
                    self.records.push(extractor);
                }
            }
        }
    }
}

impl Matcher {
    /// Compiles the claims of some catalogers.
    ///
    /// # Panics
    /// When a cataloger's pattern is no glob. A test compiles those of all.
    pub fn new(catalogers: Vec<&'static Cataloger>) -> Self {
        Self::new_without(catalogers, Excluded::default())
    }

    /// Compiles the claims of some catalogers, none of them on a path that is excluded.
    ///
    /// # Panics
    /// As [`Matcher::new`].
    pub fn new_without(catalogers: Vec<&'static Cataloger>, excluded: Excluded) -> Self {
        let mut builder = GlobSetBuilder::new();
        let (mut path_claims, mut executable_claims, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for (at, cataloger) in catalogers.iter().enumerate() {
            for (index, claim) in cataloger.claims.iter().enumerate() {
                let reference = ClaimRef { cataloger: at, claim: index, keep: claim.keep };
                lines.push(format!("{:?} {:?}", claim.pattern, claim.keep));
                match claim.pattern {
                    Pattern::Path(pattern) => {
                        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
                        builder.add(glob.expect("a cataloger's pattern is a glob"));
                        path_claims.push(reference);
                    }
                    Pattern::Executable => executable_claims.push(reference),
                }
            }
        }
        lines.sort();
        lines.dedup();
        lines.extend(excluded.patterns().iter().map(|pattern| format!("without {pattern}")));
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, lines.join("\n").as_bytes());
        let fingerprint = digest.as_ref()[..16].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let paths = builder.build().expect("the catalogers' patterns make a set");
        Self { catalogers, paths, path_claims, executable_claims, excluded, fingerprint }
    }

    /// Returns the catalogers whose claims these are.
    pub fn catalogers(&self) -> &[&'static Cataloger] {
        &self.catalogers
    }

    /// Returns the paths that are left out.
    pub fn excluded(&self) -> &Excluded {
        &self.excluded
    }

    /// Returns what identifies the claims: a layer that was read with the same fingerprint need not be read again.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns what is kept of a regular file, by its path (without a leading slash) and its first bytes.
    pub(crate) fn wants(&self, path: &str, head: &[u8], scratch: &mut Vec<usize>) -> Wants {
        let mut wants = Wants::default();
        if self.excluded.contains(path) {
            return wants;
        }
        self.paths.matches_candidate_into(&Candidate::new(path), scratch);
        for at in scratch.iter() {
            wants.add(self.path_claims[*at].keep);
        }
        if is_executable(head) {
            for reference in &self.executable_claims {
                wants.add(reference.keep);
            }
        }
        wants
    }

    /// Returns whether a file with this path would be kept, whatever is in it.
    pub(crate) fn is_claimed(&self, path: &str, scratch: &mut Vec<usize>) -> bool {
        !self.excluded.contains(path) && self.path_claims(path, scratch).next().is_some()
    }

    /// Returns the claims that are for a path.
    pub(crate) fn path_claims(&self, path: &str, scratch: &mut Vec<usize>) -> impl Iterator<Item = ClaimRef> {
        self.paths.matches_candidate_into(&Candidate::new(path), scratch);
        scratch.iter().map(|at| self.path_claims[*at])
    }

    pub(crate) fn executable_claims(&self) -> &[ClaimRef] {
        &self.executable_claims
    }
}

/// The first bytes that [`is_executable`] needs.
pub(crate) const HEAD_BYTES: usize = 4;

/// ELF, PE, Mach-O of both sizes and byte orders, and universal binaries with offsets of 32 and of 64 bits. Java class files share the magic of the last; they end in `.class` and hold
/// nothing of interest, so the extractor drops them.
fn is_executable(head: &[u8]) -> bool {
    matches!(
        head,
        [0x7f, b'E', b'L', b'F', ..]
            | [b'M', b'Z', ..]
            | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..]
            | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..]
            | [0xca, 0xfe, 0xba, 0xbe | 0xbf, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_known_by_their_first_bytes() {
        let table: [(&[u8], bool); 16] = [
            (b"", false),
            (b"\x7fEL", false),
            (b"M", false),
            (b"PK\x03\x04", false),
            (b"#!/b", false),
            (b"\xca\xfe\xba\xbd", false),
            (b"\xca\xfe\xba\xc0", false),
            (b"\xbf\xba\xfe\xca", false),
            (b"\x7fELF", true),
            (b"MZ\x90\x00", true),
            (b"\xfe\xed\xfa\xce", true),
            (b"\xfe\xed\xfa\xcf", true),
            (b"\xce\xfa\xed\xfe", true),
            (b"\xcf\xfa\xed\xfe", true),
            (b"\xca\xfe\xba\xbe", true),
            (b"\xca\xfe\xba\xbf", true),
        ];
        for (head, expected) in table {
            assert_eq!(is_executable(head), expected, "{head:02x?}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_claims_and_of_what_is_excluded() {
        let all = || crate::catalogers().iter().collect::<Vec<_>>();
        let without = |patterns: &[&str]| {
            let patterns = patterns.iter().map(ToString::to_string).collect();
            Matcher::new_without(all(), Excluded::new(patterns).unwrap()).fingerprint().to_owned()
        };
        assert_eq!(without(&[]), Matcher::new(all()).fingerprint());
        assert_ne!(without(&["/a"]), without(&[]));
        assert_ne!(without(&["/a"]), without(&["/b"]));
    }
}
