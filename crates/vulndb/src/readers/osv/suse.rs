//! What of SUSE's records is for those who pay for it, and of which service packs.

use std::collections::BTreeSet;

use crate::{Affected, Channel, Ecosystem, Family};

/// The edition whose support of a service pack lasts longer than the general one, without its name saying so.
const LONGER: &str = "for sap applications";

/// Modules of release 12 are of all of its service packs, of which the fifth was the last: `Linux Enterprise Module for Web and Scripting 12`.
const MODULE: &str = "SUSE:Linux Enterprise Module for ";
const SERVICE_PACKS_OF_12: [&str; 5] = ["12.1", "12.2", "12.3", "12.4", "12.5"];

/// Marks what a record says of the longer supported edition of a release, by the names of all products that it speaks of: where those of the same
/// release are of long-term support alone, its general support has ended.
pub(super) fn mark_extended(products: &[String], affected: &mut [Affected]) {
    let products = products.iter().filter(|name| !name.to_ascii_lowercase().contains(LONGER));
    let read = products.filter_map(|name| Ecosystem::parse_osv(name).ok());
    let (extended, general): (Vec<_>, Vec<_>) = read.partition(|(_, channel)| *channel == Channel::Ltss);
    let of = |read: Vec<(Ecosystem, Channel)>| read.into_iter().map(|(ecosystem, _)| ecosystem).collect::<BTreeSet<_>>();
    let (extended, general) = (of(extended), of(general));
    let is_extended = |one: &&mut Affected| {
        one.ecosystem.family == Family::Suse && extended.contains(&one.ecosystem) && !general.contains(&one.ecosystem)
    };
    for one in affected.iter_mut().filter(is_extended) {
        one.qualifiers.channel = Channel::Ltss;
    }
}

/// Returns what a record says of a product once more for each service pack that it is of as well.
pub(super) fn of_service_packs(product: &str, one: &Affected) -> Vec<Affected> {
    let is_of_all = product.starts_with(MODULE) && one.ecosystem.release.as_deref() == Some("12");
    let packs = SERVICE_PACKS_OF_12.iter().filter(|_| is_of_all);
    packs.map(|pack| Affected { ecosystem: Ecosystem::release(Family::Suse, *pack), ..one.clone() }).collect()
}
