use aws_lc_rs::digest::{SHA256, digest};
use component::{Component, Location, PackageType, Purl};

use crate::AffectedComponent;

/// Returns what stays the same of a component as long as it is that component in that place: whatever its version, the layer
/// that it is in, or where in a file it is named.
pub(crate) fn of_place(component: &AffectedComponent, location: Option<&Location>) -> String {
    place((component.package_type, &component.name, component.purl.as_ref()), location)
}

/// Returns the same of a component of an inventory.
pub(crate) fn of_component(component: &Component) -> String {
    let named = (component.package_type, component.name.as_str(), component.purl.as_ref());
    place(named, component.locations.first())
}

fn place((package_type, name, purl): (PackageType, &str, Option<&Purl>), location: Option<&Location>) -> String {
    let name = purl
        .map_or_else(|| name.to_owned(), |purl| format!("{}/{}", purl.namespace().unwrap_or_default(), purl.name()));
    let path = location.map(ToString::to_string).unwrap_or_default();
    format!("{}\n{name}\n{path}", package_type.name())
}

/// Returns the beginning of a text's hash, in hexadecimal.
pub(crate) fn of(text: &str) -> String {
    /// Enough that no two things of a report are taken for one.
    const BYTES: usize = 16;
    digest(&SHA256, text.as_bytes()).as_ref()[..BYTES].iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}
