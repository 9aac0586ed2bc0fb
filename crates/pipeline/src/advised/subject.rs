use aws_lc_rs::digest::{SHA256, digest};
use component::{Component, Distribution, Location};
use serde::{Deserialize, Serialize};
use vulndb::matching;

/// What matching needs of a component: equal for all images that hold the same build of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) component: Component,
    /// As much of the system that it is in as matching asks for.
    pub(crate) distribution: Option<Distribution>,
}

impl Subject {
    pub(crate) fn of(component: &Component, distribution: Option<&Distribution>) -> Self {
        let mut subject =
            Component::new(component.package_type, component.name.clone(), "", component::Technique::PackageDatabase);
        subject.version.clone_from(&component.version);
        subject.purl.clone_from(&component.purl);
        subject.cpes.clone_from(&component.cpes);
        subject.architecture.clone_from(&component.architecture);
        subject.source.clone_from(&component.source);
        subject.module.clone_from(&component.module);
        subject.code = component.code;
        if matching::is_of_note(component) {
            subject.technique = component.technique;
        }
        if matching::is_in_jruby(component) {
            subject.locations.push(Location::new(matching::JRUBY, None));
        }
        let distribution = distribution.map(|distribution| matching::needed_of(distribution, component));
        Self { component: subject, distribution }
    }

    /// Returns the bytes that it is kept as; none when it has no spelling, which no component that was read lacks.
    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        postcard::to_stdvec(self).ok()
    }

    /// Reads what [`Subject::to_bytes`] wrote; none for anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// Returns what tells apart two subjects of one purl: the beginning of a hash, in hexadecimal.
pub(crate) fn variant(subject: &[u8]) -> String {
    hex::encode(&digest(&SHA256, subject).as_ref()[..8])
}

#[cfg(test)]
mod tests {
    use component::{PackageType, Technique};

    use super::*;

    #[test]
    fn a_gem_of_jruby_is_matched_as_such() {
        for (package_type, path, expected) in [
            (PackageType::Gem, "/opt/jruby-9.4/lib/ruby/gems/shared/specifications/nokogiri-1.13.9-java.gemspec", true),
            (PackageType::Gem, "/usr/lib/ruby/specifications/nokogiri-1.13.9.gemspec", false),
            (PackageType::Npm, "/opt/jruby-9.4/lib/package.json", false),
        ] {
            let mut component = Component::new(package_type, "nokogiri", "test", Technique::PackageDatabase);
            component.locations.push(Location::new(path, Some(3)));
            let kept = Subject::from_bytes(&Subject::of(&component, None).to_bytes().unwrap()).unwrap().component;
            assert_eq!(matching::is_in_jruby(&component), expected, "{path}");
            assert_eq!(
                (matching::is_in_jruby(&kept), kept.locations.len()),
                (expected, usize::from(expected)),
                "{path}"
            );
        }
    }

    #[test]
    fn a_package_that_a_note_names_is_matched_as_such() {
        for (package_type, technique) in [
            (PackageType::Rpm, Technique::Binary),
            (PackageType::Rpm, Technique::PackageDatabase),
            (PackageType::GoModule, Technique::Binary),
        ] {
            let component = Component::new(package_type, "openssl", "test", technique);
            let kept = Subject::from_bytes(&Subject::of(&component, None).to_bytes().unwrap()).unwrap().component;
            assert_eq!(matching::is_of_note(&kept), matching::is_of_note(&component), "{technique:?}");
        }
    }
}
