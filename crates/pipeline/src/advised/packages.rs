use vulndb::file::{AdvisoryIndex, Corrupt, Database};
use vulndb::{Ecosystem, Family};

/// Which packages each record of a database speaks of: those of languages alone, whose components may have no version. Some megabytes.
///
/// A database is found by packages; this is the other way.
#[derive(Debug)]
pub(crate) struct PackagesOf(Vec<(AdvisoryIndex, [u8; 8])>);

impl PackagesOf {
    /// Walks a database.
    pub(super) fn of<B: AsRef<[u8]>>(database: &Database<B>) -> Result<Self, Corrupt> {
        let mut all = Vec::new();
        for package in database.packages() {
            let package = package?;
            if !is_of_language(database.package_name(&package)?.0) {
                continue;
            }
            for advisory in database.advisories_of(&package)? {
                all.push((advisory?, package.hash));
            }
        }
        all.sort_unstable();
        all.dedup();
        all.shrink_to_fit();
        Ok(Self(all))
    }

    /// Returns the hashes of the packages that some records speak of, in their order, up to a number.
    pub(crate) fn spoken_of(&self, records: &[AdvisoryIndex], most: usize) -> Vec<[u8; 8]> {
        let mut hashes: Vec<[u8; 8]> = Vec::new();
        for record in records {
            let first = self.0.partition_point(|(advisory, _)| advisory < record);
            let own = self.0[first..].iter().take_while(|(advisory, _)| advisory == record);
            for (_, hash) in own {
                if hashes.len() == most {
                    return hashes;
                }
                if !hashes.contains(hash) {
                    hashes.push(*hash);
                }
            }
        }
        hashes
    }
}

/// Packages of distributions always have a version, and what CPE alone names is none that an inventory would ask for.
fn is_of_language(ecosystem: &Ecosystem) -> bool {
    !ecosystem.family.is_distribution() && ecosystem.family != Family::Cpe
}
