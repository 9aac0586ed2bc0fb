use std::collections::HashMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use component::{Component, Inventory};

/// The names of an inventory's components inside documents: stable from one inventory to the next as long as the
/// component is the same, and unique within one.
pub(super) struct Identities {
    purls: Vec<Option<String>>,
    ids: Vec<String>,
    purl_counts: HashMap<String, u32>,
}

impl Identities {
    pub(super) fn new(inventory: &Inventory) -> Self {
        let purls: Vec<_> =
            inventory.components.iter().map(|component| component.purl.as_ref().map(ToString::to_string)).collect();
        let mut purl_counts = HashMap::new();
        for purl in purls.iter().flatten() {
            *purl_counts.entry(purl.clone()).or_insert(0) += 1;
        }
        let mut seen = HashMap::new();
        let ids = inventory
            .components
            .iter()
            .zip(&purls)
            .map(|(component, purl)| {
                let id = hash(component, purl.as_deref(), 0);
                let earlier = seen.entry(id.clone()).or_insert(0_u32);
                *earlier += 1;
                // Equal in name, version and purl, and different otherwise: only documents of others hold such.
                if *earlier == 1 { id } else { hash(component, purl.as_deref(), *earlier) }
            })
            .collect();
        Self { purls, ids, purl_counts }
    }

    /// Returns the canonical purl.
    pub(super) fn purl(&self, index: usize) -> Option<&str> {
        self.purls[index].as_deref()
    }

    /// Returns sixteen hexadecimal digits.
    pub(super) fn id(&self, index: usize) -> &str {
        &self.ids[index]
    }

    /// Returns the purl where it is one component's alone, else the purl or name with the id.
    pub(super) fn reference(&self, index: usize, component: &Component) -> String {
        let id = self.id(index);
        if let (Some(text), Some(purl)) = (self.purl(index), &component.purl) {
            if self.purl_counts[text] == 1 {
                return text.to_owned();
            }
            if let Ok(purl) = purl.with_qualifier("package-id", id) {
                return purl.to_string();
            }
        }
        format!(
            "{}:{}@{}:{id}",
            component.package_type,
            component.name,
            component.version.as_deref().unwrap_or_default()
        )
    }
}

fn hash(component: &Component, purl: Option<&str>, ordinal: u32) -> String {
    let mut context = Context::new(&SHA256);
    let version = component.version.as_deref();
    for part in [Some(component.package_type.name()), Some(&*component.name), version, purl] {
        // The length before each part keeps different splits apart.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        context.update(&length.to_le_bytes());
        context.update(part.unwrap_or_default().as_bytes());
    }
    context.update(&ordinal.to_le_bytes());
    let mut id = String::with_capacity(16);
    for byte in &context.finish().as_ref()[..8] {
        // Writing to a string does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}
