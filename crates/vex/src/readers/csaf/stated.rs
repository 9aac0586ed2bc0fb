//! The parts of a CSAF document that are read, as its JSON schema has them.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Stated {
    pub(super) document: Head,
    pub(super) product_tree: Option<ProductTree>,
    pub(super) vulnerabilities: Option<Vec<StatedVulnerability>>,
}

#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    pub(super) category: String,
    pub(super) csaf_version: String,
    pub(super) publisher: Publisher,
    pub(super) tracking: Tracking,
    #[serde(default)]
    pub(super) notes: Vec<References>,
}

#[derive(Deserialize)]
pub(super) struct Publisher {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Tracking {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: String,
    pub(super) version: String,
    pub(super) initial_release_date: String,
    pub(super) current_release_date: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ProductTree {
    pub(super) branches: Vec<Branch>,
    pub(super) full_product_names: Vec<FullProductName>,
    pub(super) product_groups: Vec<Group>,
    /// Of 2.0.
    pub(super) relationships: Vec<Relationship>,
    /// Of 2.1.
    pub(super) product_paths: Vec<Path>,
}

#[derive(Deserialize)]
pub(super) struct Branch {
    pub(super) category: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) branches: Vec<Self>,
    pub(super) product: Option<FullProductName>,
}

#[derive(Deserialize, PartialEq)]
pub(super) struct FullProductName {
    pub(super) name: String,
    pub(super) product_id: String,
    #[serde(default)]
    pub(super) product_identification_helper: Helper,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(default)]
pub(super) struct Helper {
    pub(super) cpe: Option<String>,
    /// Of 2.0.
    pub(super) purl: Option<String>,
    /// Of 2.1.
    pub(super) purls: Vec<String>,
    pub(super) hashes: Vec<File>,
}

#[derive(Deserialize, PartialEq)]
pub(super) struct File {
    pub(super) file_hashes: Vec<FileHash>,
}

#[derive(Deserialize, PartialEq)]
pub(super) struct FileHash {
    pub(super) algorithm: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) group_id: String,
    pub(super) product_ids: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Relationship {
    pub(super) full_product_name: FullProductName,
    pub(super) product_reference: String,
    pub(super) relates_to_product_reference: String,
}

#[derive(Deserialize)]
pub(super) struct Path {
    pub(super) beginning_product_reference: String,
    pub(super) full_product_name: FullProductName,
    pub(super) subpaths: Vec<Subpath>,
}

#[derive(Deserialize)]
pub(super) struct Subpath {
    pub(super) next_product_reference: String,
}

#[derive(Deserialize)]
pub(super) struct StatedVulnerability {
    pub(super) cve: Option<String>,
    #[serde(default)]
    pub(super) ids: Vec<Id>,
    pub(super) product_status: Option<ProductStatus>,
    #[serde(default)]
    pub(super) flags: Vec<Flag>,
    #[serde(default)]
    pub(super) threats: Vec<Threat>,
    #[serde(default)]
    pub(super) remediations: Vec<Threat>,
    #[serde(default)]
    pub(super) scores: Vec<Score>,
    #[serde(default)]
    pub(super) metrics: Vec<Score>,
    #[serde(default)]
    pub(super) notes: Vec<References>,
    #[serde(default)]
    pub(super) involvements: Vec<References>,
    #[serde(default)]
    pub(super) first_known_exploitation_dates: Vec<References>,
}

/// The products that something is about.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct References {
    pub(super) product_ids: Vec<String>,
    pub(super) group_ids: Vec<String>,
}

impl References {
    pub(super) fn is_empty(&self) -> bool {
        self.product_ids.is_empty() && self.group_ids.is_empty()
    }
}

#[derive(Deserialize)]
pub(super) struct Id {
    pub(super) text: String,
    #[serde(flatten)]
    pub(super) of: References,
}

#[derive(Deserialize)]
pub(super) struct Flag {
    pub(super) label: String,
    #[serde(flatten)]
    pub(super) of: References,
}

#[derive(Deserialize)]
pub(super) struct Threat {
    pub(super) category: String,
    pub(super) details: String,
    #[serde(flatten)]
    pub(super) of: References,
}

#[derive(Deserialize)]
pub(super) struct Score {
    #[serde(default)]
    pub(super) products: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ProductStatus {
    pub(super) first_affected: Vec<String>,
    pub(super) first_fixed: Vec<String>,
    pub(super) fixed: Vec<String>,
    pub(super) known_affected: Vec<String>,
    pub(super) known_not_affected: Vec<String>,
    pub(super) last_affected: Vec<String>,
    pub(super) recommended: Vec<String>,
    pub(super) under_investigation: Vec<String>,
    pub(super) unknown: Vec<String>,
}

impl ProductStatus {
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        let lists = [
            &self.first_affected,
            &self.first_fixed,
            &self.fixed,
            &self.known_affected,
            &self.known_not_affected,
            &self.last_affected,
            &self.recommended,
            &self.under_investigation,
            &self.unknown,
        ];
        lists.into_iter().flatten()
    }

    /// Tells whether there is a product with a status of the four that VEX has.
    pub(super) fn is_known_to_vex(&self) -> bool {
        let lists = [&self.fixed, &self.known_affected, &self.known_not_affected, &self.under_investigation];
        lists.into_iter().any(|list| !list.is_empty())
    }
}
