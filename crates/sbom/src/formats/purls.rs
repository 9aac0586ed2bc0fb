//! A list of purls, one a line. It keeps what a purl says and nothing else: no edge, no licence, no place, no component without a purl.

use std::borrow::Cow;
use std::collections::BTreeSet;

use component::{Component, Inventory, PackageType, Purl, Subject, Technique};

use super::assembly::{Assembled, Assembly, Frame};
use super::read::{Document, ReadError};
use super::repairs::{Place, RepairKind};
use super::{Limits, foreign};

pub(super) fn write(inventory: &Inventory) -> Vec<u8> {
    let is_of_others = matches!(inventory.subject, Subject::Document { .. });
    let purls: BTreeSet<_> =
        inventory.components.iter().filter_map(|component| purl(component, is_of_others)).collect();
    let mut list = String::new();
    for purl in purls {
        list.push_str(&purl.to_string());
        list.push('\n');
    }
    list.into_bytes()
}

/// Returns the purl of a component, with the source package that it was built from where that is known and the purl does not say it. A line says so
/// also where that has the package's own name: nothing else in a list could say that the list does not just leave it out.
fn purl(component: &Component, is_of_others: bool) -> Option<Cow<'_, Purl>> {
    let purl = component.purl.as_ref()?;
    if purl.qualifier("upstream").is_some() {
        return Some(Cow::Borrowed(purl));
    }
    let is_built = matches!(component.package_type, PackageType::Deb | PackageType::Apk);
    let own = (is_built && !is_of_others && component.source.is_none()).then(|| component.name.clone());
    let named =
        foreign::upstream(component).or(own).and_then(|upstream| purl.with_qualifier("upstream", &upstream).ok());
    Some(named.map_or(Cow::Borrowed(purl), Cow::Owned))
}

/// Reads a list of purls. Empty lines, and comments that begin with `#`, are skipped.
pub(super) fn read(text: &str, limits: &Limits) -> Result<Document, ReadError> {
    let mut assembly = Assembly::new(limits);
    let place = Place::root("line");
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Ok(purl) = line.parse() else {
            assembly.repair(&place.item(index + 1), RepairKind::InvalidLine, line);
            continue;
        };
        let package_type = foreign::package_type(&purl);
        let mut component = Component::new(package_type, foreign::name(&purl), "purls", Technique::Document);
        component.purl = Some(purl);
        assembly.complete(&place.item(index + 1), &mut component);
        assembly.add(component)?;
    }
    let Assembled { inventory, repairs, .. } = assembly.finish(Frame {
        is_own: false,
        subject: Subject::Document { name: String::new(), version: None, purl: None },
        distribution: None,
        layers: Vec::new(),
        unknowns: Vec::new(),
        created: None,
    });
    Ok(Document { inventory, format: "purls", version: None, tool: None, repairs, address: None })
}
