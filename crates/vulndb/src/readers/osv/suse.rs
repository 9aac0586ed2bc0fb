//! What of SUSE's records is for those who pay for it.

use std::collections::BTreeSet;

use crate::{Affected, Channel, Ecosystem, Family};

/// The edition whose support of a service pack lasts longer than the general one, without its name saying so.
const LONGER: &str = "for SAP Applications";

/// Marks what a record says of the longer supported edition of a release, by the names of all products that it speaks of: where those of the same
/// release are of long-term support alone, its general support has ended.
pub(super) fn mark_extended(products: &[String], affected: &mut [Affected]) {
    let products = products.iter().filter(|name| !name.contains(LONGER));
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
