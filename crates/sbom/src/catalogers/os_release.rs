//! The operating system itself: the file that names it is kept, so that every other cataloger can ask for it.

use crate::{Abilities, Cataloger, Claim, Edges, Evidence, Keep, Pattern, Versions};

const fn claim(pattern: &'static str) -> Claim {
    Claim { pattern: Pattern::Path(pattern), keep: Keep::Bytes { limit_bytes: crate::os_release::BYTES_MAX } }
}

pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "os-release",
    summary: "the distribution, from os-release",
    evidence: Evidence::Installed,
    claims: &[claim("**/etc/os-release"), claim("**/usr/lib/os-release")],
    abilities: Abilities { packages: &[], versions: Versions::Exact, edges: Edges::None, licenses: false, files: false, hashes: false },
    catalog: |_, _| {},
};
