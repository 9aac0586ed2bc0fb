//! A component of an image as a line of a table.

use component::{Component, Inventory, Scope};

use crate::words::foreign;

pub(crate) const NAME_BYTES_MAX: usize = 100;
pub(crate) const VERSION_BYTES_MAX: usize = 60;
const LICENSES_BYTES_MAX: usize = 80;
pub(crate) const PLACE_BYTES_MAX: usize = 140;
/// The longest pattern that a line links to; with it escaped a line stays below two kilobytes.
const PATTERN_BYTES_MAX: usize = 160;

/// A component.
pub(crate) struct ComponentRow {
    /// What names it within the image.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) package_type: &'static str,
    pub(crate) licenses: String,
    pub(crate) need: String,
    /// The number of its layer, from 1.
    pub(crate) layer: Option<usize>,
    pub(crate) place: String,
    pub(crate) more_places: usize,
    /// By what its package is found anywhere.
    pub(crate) pattern: Option<String>,
}

impl ComponentRow {
    pub(crate) fn new(component: &Component) -> Self {
        let first = component.locations.first();
        let licenses: Vec<&str> = component.licenses.iter().map(component::License::text).collect();
        Self {
            key: key(component),
            name: foreign(&component.name, NAME_BYTES_MAX),
            version: foreign(component.version.as_deref().unwrap_or_default(), VERSION_BYTES_MAX),
            package_type: component.package_type.name(),
            licenses: foreign(&licenses.join(", "), LICENSES_BYTES_MAX),
            need: need(component),
            layer: layer(component),
            place: first.map(|place| foreign(&place.to_string(), PLACE_BYTES_MAX)).unwrap_or_default(),
            more_places: component.locations.len().saturating_sub(1),
            pattern: pattern(component),
        }
    }
}

/// Returns the number of the layer that says first that a component is there, from 1.
pub(crate) fn layer(component: &Component) -> Option<usize> {
    component.locations.first().and_then(|place| place.layer).map(|layer| usize::from(layer) + 1)
}

/// Returns what names a component within an image: it stays when the inventory is made anew.
pub(crate) fn key(component: &Component) -> String {
    hash(&format!("{}\0{}", component.package_type.name(), pipeline::identity(component)))
}

/// Returns what names a component of which only its identity in the index is known. In odd images two components share one: a
/// plugin and the archive inside of it.
pub(crate) fn key_of_identity(identity: &str) -> String {
    hash(identity)
}

/// Finds the component that a key names.
pub(crate) fn find(inventory: &Inventory, wanted: &str) -> Option<usize> {
    let by =
        |key: &dyn Fn(&Component) -> String| inventory.components.iter().position(|component| key(component) == wanted);
    by(&key).or_else(|| by(&|component| key_of_identity(&pipeline::identity(component))))
}

fn hash(text: &str) -> String {
    // Half of it tells the components of one image apart.
    let half = identity::sha256(text.as_bytes()).first_chunk().copied().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(half))
}

/// Returns the pattern that finds a component's package in any version; none where no pattern can name it.
pub(crate) fn pattern(component: &Component) -> Option<String> {
    let pattern = component.purl.as_ref().map_or_else(|| component.name.clone(), |purl| purl.package().to_string());
    let is_taken = pattern.len() <= PATTERN_BYTES_MAX && pipeline::Query::parse(&pattern, None).is_ok();
    let is_exact = !pattern.contains('*') && !pattern.chars().any(char::is_control);
    (is_taken && is_exact).then_some(pattern)
}

/// Says whether the image asks for a component itself, and what for where that is not to run.
fn need(component: &Component) -> String {
    let direct = match component.direct {
        Some(true) => "direct",
        Some(false) => "indirect",
        None => "",
    };
    let scope = match component.scope {
        Scope::Runtime => "",
        Scope::Optional => "optional",
        Scope::Development => "development",
    };
    [direct, scope].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use component::{PackageType, Purl, Subject, Technique};

    use super::*;

    fn component(package_type: PackageType, name: &str, purl: Option<&str>) -> Component {
        let mut component = Component::new(package_type, name, "test", Technique::Archive);
        component.purl = purl.map(|purl| purl.parse::<Purl>().unwrap_or_else(|error| panic!("{error}")));
        component
    }

    #[test]
    fn a_pattern_finds_the_package_or_there_is_none() {
        let long = |length: usize| Some("a".repeat(length));
        for (name, purl, expected) in [
            ("", None, None),
            ("a*", None, None),
            ("a\u{1}", None, None),
            ("pkg:", None, None),
            ("openssl", None, Some("openssl".to_owned())),
            ("b", Some("pkg:npm/%40a/b@1.0?x=y"), Some("pkg:npm/%40a/b".to_owned())),
            (&"a".repeat(PATTERN_BYTES_MAX - 1), None, long(PATTERN_BYTES_MAX - 1)),
            (&"a".repeat(PATTERN_BYTES_MAX), None, long(PATTERN_BYTES_MAX)),
            (&"a".repeat(PATTERN_BYTES_MAX + 1), None, None),
        ] {
            assert_eq!(pattern(&component(PackageType::Npm, name, purl)), expected, "{name:?}");
        }
    }

    #[test]
    fn a_key_names_one_component_even_where_two_have_one_purl() {
        let purl = Some("pkg:maven/g/a@1");
        let inventory = Inventory {
            subject: Subject::Directory { name: String::new() },
            distribution: None,
            layers: Vec::new(),
            components: vec![
                component(PackageType::JavaArchive, "a", purl),
                component(PackageType::JenkinsPlugin, "a", purl),
                component(PackageType::Binary, "b", None),
            ],
            edges: Vec::new(),
            unknowns: Vec::new(),
            created: None,
        };
        for (at, component) in inventory.components.iter().enumerate() {
            assert_eq!(find(&inventory, &key(component)), Some(at));
        }
        assert_eq!(find(&inventory, &key_of_identity("pkg:maven/g/a@1")), Some(0));
        assert_eq!(find(&inventory, &key_of_identity("binary/b@")), Some(2));
        assert_eq!(find(&inventory, ""), None);
    }
}
