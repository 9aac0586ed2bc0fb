//! Maven's files: `pom.xml` and `pom.properties`.
//!
//! Formats: "Maven POM Reference" (model 4.0.0); `java.util.Properties`. Document type declarations are refused, so no entity is ever expanded.

use std::collections::{BTreeMap, HashMap};

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};

use crate::ecosystems::texts;

/// The largest `pom.xml` that is read. The largest one on Maven Central that describes a library has half of it.
pub(crate) const POM_BYTES_MAX: u64 = 4 << 20;

/// The largest `pom.properties` that is read; Maven writes three lines.
pub(crate) const PROPERTIES_BYTES_MAX: u64 = 64 << 10;

/// The deepest nesting of elements; the model has eight levels, configurations of plugins a few more.
const DEPTH_MAX: usize = 64;

/// The longest text of an element, and and of a coordinate.
const TEXT_BYTES_MAX: usize = 4096;

/// The longest name of an element that is told apart.
const NAME_BYTES_MAX: usize = 256;

/// The most dependencies, and the most properties, of one project; the largest published lists have two thousand.
const DEPENDENCIES_MAX: usize = 10_000;
const PROPERTIES_MAX: usize = 10_000;

/// The most profiles of one project; the largest published projects have some dozens.
const PROFILES_MAX: usize = 1_000;

/// The most exclusions of one dependency, and the most licences of one project.
const EXCLUSIONS_MAX: usize = 256;
const LICENSES_MAX: usize = 100;

/// How often a property may lead to a property, and how long the result may be: coordinates are names.
const INTERPOLATIONS_MAX: usize = 16;
const INTERPOLATED_BYTES_MAX: usize = 1024;

/// Group, artifact and version, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Coordinates {
    /// The group id.
    pub(crate) group: Option<String>,
    /// The artifact id.
    pub(crate) artifact: Option<String>,
    /// The version.
    pub(crate) version: Option<String>,
}

/// A Maven project as its own `pom.xml` states it, nothing resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Project {
    /// What it states of itself.
    pub(crate) own: Coordinates,
    /// What it inherits from.
    pub(crate) parent: Option<Coordinates>,
    /// Where the parent is, relative to the file.
    pub(crate) parent_path: Option<String>,
    /// The packaging: `jar`, `war`, `pom`.
    pub(crate) packaging: Option<String>,
    /// Licences: names, or addresses where there is no name.
    pub(crate) licenses: Vec<String>,
    /// The organisation.
    pub(crate) organization: Option<String>,
    /// What it needs.
    pub(crate) dependencies: Vec<Dependency>,
    /// What it says about needs without having them.
    pub(crate) managed: Vec<Dependency>,
    /// Its properties.
    pub(crate) properties: BTreeMap<String, String>,
    /// What it is beside that in some builds. Nothing that is kept of an archive has it.
    #[serde(skip)]
    pub(crate) profiles: Vec<Profile>,
}

/// What a Maven project also is where a build asks for it ("Introduction to Build Profiles").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// What it is called.
    pub(crate) id: Option<String>,
    /// Whether it is active where no other profile of the project is.
    pub(crate) is_default: bool,
    /// What is needed.
    pub(crate) dependencies: Vec<Dependency>,
    /// What is said about needs without having them.
    pub(crate) managed: Vec<Dependency>,
    /// Properties.
    pub(crate) properties: BTreeMap<String, String>,
}

/// A need of a Maven project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dependency {
    /// What is needed.
    pub(crate) target: Coordinates,
    /// `compile`, `runtime`, `provided`, `test`, `system`, `import`.
    pub(crate) scope: Option<String>,
    /// `jar`, `pom`, `test-jar`.
    pub(crate) kind: Option<String>,
    /// What tells apart artifacts of one version.
    pub(crate) classifier: Option<String>,
    /// Whether it works without.
    pub(crate) is_optional: bool,
    /// What is not to come with it: groups and artifacts, `*` for any.
    pub(crate) exclusions: Vec<(String, String)>,
}

/// Why a `pom.xml` was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PomError {
    /// It has a document type declaration.
    #[error("it has a document type declaration")]
    DocumentType,
    /// It is nested too deeply.
    #[error("its elements are nested more than {DEPTH_MAX} deep")]
    Depth,
    /// It is no well-formed XML.
    #[error("it is no well-formed XML: {0}")]
    Xml(String),
    /// It is no project.
    #[error("it is no Maven project")]
    NoProject,
}

impl Project {
    /// Reads a `pom.xml`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, PomError> {
        let text = text_of(bytes);
        let mut reader = Reader::from_str(&text);
        let mut walk = Walk::default();
        loop {
            match reader.read_event().map_err(|error| PomError::Xml(error.to_string()))? {
                Event::DocType(_) => return Err(PomError::DocumentType),
                Event::Start(element) => walk.open(element.local_name().as_ref())?,
                Event::Empty(element) => {
                    walk.open(element.local_name().as_ref())?;
                    walk.close();
                }
                Event::End(_) => walk.close(),
                Event::Text(text) => walk.text(&text),
                Event::CData(data) => walk.text(&data),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => walk.text(character.encode_utf8(&mut [0; 4])),
                    _ => walk.text(predefined(&reference)),
                },
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        if walk.is_project { Ok(walk.project) } else { Err(PomError::NoProject) }
    }

    /// Returns the project's coordinates with what it inherits, interpolated with its own properties.
    pub(crate) fn coordinates(&self) -> Coordinates {
        let none = Coordinates::default();
        let parent = self.parent.as_ref().unwrap_or(&none);
        let resolve = |own: &Option<String>, inherited: Option<&String>| self.interpolate(own.as_ref().or(inherited)?);
        Coordinates {
            group: resolve(&self.own.group, parent.group.as_ref()),
            artifact: resolve(&self.own.artifact, None),
            version: resolve(&self.own.version, parent.version.as_ref()),
        }
    }

    /// Returns what the project says by itself, without parents: its coordinates with what it inherits, its dependencies with the scopes that it
    /// manages, everything interpolated, and nothing of what that took. What cannot be told here is left out.
    pub(crate) fn resolved(mut self) -> Self {
        let key = |target: &Coordinates| {
            Some((self.interpolate(target.group.as_deref()?)?, self.interpolate(target.artifact.as_deref()?)?))
        };
        let mut scopes: HashMap<(String, String), Option<&String>> = HashMap::new();
        for managed in &self.managed {
            if let Some(key) = key(&managed.target) {
                scopes.entry(key).or_insert(managed.scope.as_ref());
            }
        }
        let resolve = |dependency: &Dependency| {
            let key = key(&dependency.target)?;
            let managed = scopes.get(&key).copied().flatten();
            Some(Dependency {
                scope: dependency.scope.as_ref().or(managed).cloned(),
                target: Coordinates { group: Some(key.0), artifact: Some(key.1), version: None },
                ..dependency.clone()
            })
        };
        let dependencies = self.dependencies.iter().filter_map(resolve).collect();
        let own = self.coordinates();
        self.dependencies = dependencies;
        self.own = own;
        self.parent = None;
        self.managed.clear();
        self.properties.clear();
        self.profiles.clear();
        self
    }

    /// Returns the project as it is built by default, with the profiles that are left: those that a build must ask for.
    pub(crate) fn by_default(mut self) -> Self {
        let (defaults, others) = self.profiles.into_iter().partition(|profile| profile.is_default);
        self.profiles = others;
        // What a profile states comes before what the project does, and the last profile's before the others'.
        for profile in defaults {
            self.dependencies.splice(..0, profile.dependencies);
            self.managed.splice(..0, profile.managed);
            self.properties.extend(profile.properties);
        }
        self
    }

    /// Replaces `${…}` by the project's properties. `None` when one of them is not known here.
    pub(crate) fn interpolate(&self, text: &str) -> Option<String> {
        interpolate(text, &|name| self.property(name))
    }

    /// Returns the value of a property, or of the project's own field that it stands for.
    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        let parent = self.parent.as_ref();
        let field = name.strip_prefix("project.").or_else(|| name.strip_prefix("pom."));
        let known = match field.unwrap_or(name) {
            "groupId" => self.own.group.as_deref().or_else(|| parent?.group.as_deref()),
            "artifactId" => self.own.artifact.as_deref(),
            "version" => self.own.version.as_deref().or_else(|| parent?.version.as_deref()),
            "parent.groupId" => parent?.group.as_deref(),
            "parent.version" => parent?.version.as_deref(),
            _ => None,
        };
        known.or_else(|| self.properties.get(name).map(String::as_str))
    }
}

/// Replaces `${…}` by what `property` knows. `None` when it does not know one, or when they lead nowhere.
pub(crate) fn interpolate<'p>(text: &str, property: &dyn Fn(&str) -> Option<&'p str>) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..INTERPOLATIONS_MAX {
        let Some(at) = text.find("${") else { return Some(text) };
        let end = at + text[at..].find('}')?;
        let value = property(&text[at + 2..end])?;
        text.replace_range(at..=end, value);
        if text.len() > INTERPOLATED_BYTES_MAX {
            return None;
        }
    }
    None
}

/// As published files state it or not, they are UTF-8, UTF-16 with a byte order mark, or Latin-1.
fn text_of(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).into(),
        Err(_) if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) => texts::decode(bytes),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into(),
    }
}

fn predefined(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        // Old files use HTML's names for letters in names of people.
        _ => "\u{fffd}",
    }
}

/// The walk over the elements: the path to the current one, and its text.
#[derive(Default)]
struct Walk {
    path: String,
    depth: usize,
    text: String,
    project: Project,
    is_project: bool,
    dependency: Dependency,
    exclusion: (String, String),
    license: (Option<String>, Option<String>),
    profile: Profile,
}

impl Walk {
    fn open(&mut self, name: &str) -> Result<(), PomError> {
        if self.depth == DEPTH_MAX {
            return Err(PomError::Depth);
        }
        self.depth += 1;
        self.path.push('/');
        // A slash is in no name, and the path of an absurd name matches nothing.
        self.path.push_str(if name.len() <= NAME_BYTES_MAX { name } else { "?" });
        self.text.clear();
        self.is_project |= self.path == "/project";
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if self.text.len() + text.len() <= TEXT_BYTES_MAX {
            self.text.push_str(text);
        }
    }

    fn close(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let value = || Some(text.to_owned()).filter(|text| !text.is_empty());
        let project = &mut self.project;
        let path = self.path.strip_prefix("/project").unwrap_or_default();
        match path {
            "/groupId" => project.own.group = value(),
            "/artifactId" => project.own.artifact = value(),
            "/version" => project.own.version = value(),
            "/packaging" => project.packaging = value(),
            "/organization/name" => project.organization = value(),
            "/parent" => {
                project.parent.get_or_insert_default();
            }
            "/parent/groupId" => project.parent.get_or_insert_default().group = value(),
            "/parent/artifactId" => project.parent.get_or_insert_default().artifact = value(),
            "/parent/version" => project.parent.get_or_insert_default().version = value(),
            "/parent/relativePath" => project.parent_path = Some(text.to_owned()),
            "/licenses/license/name" => self.license.0 = value(),
            "/licenses/license/url" => self.license.1 = value(),
            "/licenses/license" => {
                let (name, url) = std::mem::take(&mut self.license);
                project.licenses.extend(name.or(url).filter(|_| project.licenses.len() < LICENSES_MAX));
            }
            "/profiles/profile" => {
                let profile = std::mem::take(&mut self.profile);
                project.profiles.extend(Some(profile).filter(|_| project.profiles.len() < PROFILES_MAX));
            }
            "/profiles/profile/id" => self.profile.id = value(),
            "/profiles/profile/activation/activeByDefault" => self.profile.is_default = text == "true",
            _ => {
                let profile = &mut self.profile;
                let (path, dependencies, managed, properties) = match path.strip_prefix("/profiles/profile") {
                    Some(path) => (path, &mut profile.dependencies, &mut profile.managed, &mut profile.properties),
                    None => (path, &mut project.dependencies, &mut project.managed, &mut project.properties),
                };
                if let Some(name) = path.strip_prefix("/properties/")
                    && properties.len() < PROPERTIES_MAX
                    && !name.contains('/')
                {
                    properties.insert(name.to_owned(), text.to_owned());
                } else if let Some(field) = path.strip_prefix("/dependencies/dependency") {
                    close_dependency(field, text, &mut self.dependency, &mut self.exclusion, dependencies);
                } else if let Some(field) = path.strip_prefix("/dependencyManagement/dependencies/dependency") {
                    close_dependency(field, text, &mut self.dependency, &mut self.exclusion, managed);
                }
            }
        }
        if let Some(end) = self.path.rfind('/') {
            self.path.truncate(end);
            self.depth -= 1;
        }
    }
}

fn close_dependency(
    field: &str,
    text: &str,
    dependency: &mut Dependency,
    exclusion: &mut (String, String),
    list: &mut Vec<Dependency>,
) {
    let value = || Some(text.to_owned()).filter(|text| !text.is_empty());
    match field {
        "" => {
            let dependency = std::mem::take(dependency);
            let is_named = dependency.target.group.is_some() && dependency.target.artifact.is_some();
            if is_named && list.len() < DEPENDENCIES_MAX {
                list.push(dependency);
            }
        }
        "/groupId" => dependency.target.group = value(),
        "/artifactId" => dependency.target.artifact = value(),
        "/version" => dependency.target.version = value(),
        "/scope" => dependency.scope = value(),
        "/type" => dependency.kind = value(),
        "/classifier" => dependency.classifier = value(),
        "/optional" => dependency.is_optional = text == "true",
        "/exclusions/exclusion/groupId" => text.clone_into(&mut exclusion.0),
        "/exclusions/exclusion/artifactId" => text.clone_into(&mut exclusion.1),
        "/exclusions/exclusion" => {
            let exclusion = std::mem::take(exclusion);
            if dependency.exclusions.len() < EXCLUSIONS_MAX {
                dependency.exclusions.push(exclusion);
            }
        }
        _ => {}
    }
}

/// Reads a `pom.properties`.
pub(crate) fn parse_properties(bytes: &[u8]) -> Coordinates {
    let text = text_of(bytes);
    let mut coordinates = Coordinates::default();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!'])) {
        let Some(end) = line.find(['=', ':']) else { continue };
        let field = match line[..end].trim() {
            "groupId" => &mut coordinates.group,
            "artifactId" => &mut coordinates.artifact,
            "version" => &mut coordinates.version,
            _ => continue,
        };
        let value = line[end + 1..].trim();
        if !value.is_empty() && value.len() <= TEXT_BYTES_MAX && !value.contains("${") {
            *field = Some(value.to_owned());
        }
    }
    coordinates
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a project with this inside.
    fn inside(content: &str) -> Project {
        Project::parse(format!("<project>{content}</project>").as_bytes()).expect("well-formed")
    }

    #[test]
    fn lists_end_at_their_limits() {
        type Count = fn(&Project) -> usize;
        let table: [(&str, &str, usize, Count); 6] = [
            (
                "<dependencies>/</dependencies>",
                "<dependency><groupId>g</groupId><artifactId>a</artifactId></dependency>",
                DEPENDENCIES_MAX,
                |project| project.dependencies.len(),
            ),
            (
                "<dependencyManagement><dependencies>/</dependencies></dependencyManagement>",
                "<dependency><groupId>g</groupId><artifactId>a</artifactId></dependency>",
                DEPENDENCIES_MAX,
                |project| project.managed.len(),
            ),
            ("<profiles>/</profiles>", "<profile/>", PROFILES_MAX, |project| project.profiles.len()),
            ("<properties>/</properties>", "<p#>v</p#>", PROPERTIES_MAX, |project| project.properties.len()),
            ("<licenses>/</licenses>", "<license><name>l#</name></license>", LICENSES_MAX, |project| {
                project.licenses.len()
            }),
            (
                "<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><exclusions>/</exclusions></dependency></dependencies>",
                "<exclusion><groupId>g</groupId></exclusion>",
                EXCLUSIONS_MAX,
                |project| project.dependencies[0].exclusions.len(),
            ),
        ];
        for (around, item, limit, count) in table {
            let (open, close) = around.split_once(">/<").expect("a place for the items");
            for (written, kept) in [(limit - 1, limit - 1), (limit, limit), (limit + 1, limit)] {
                let items: String = (0..written).map(|index| item.replace('#', &index.to_string())).collect();
                assert_eq!(count(&inside(&format!("{open}>{items}<{close}"))), kept, "{around} {written}");
            }
        }
    }

    #[test]
    fn texts_and_names_end_at_their_limits() {
        for (bytes, is_kept) in [(TEXT_BYTES_MAX - 1, true), (TEXT_BYTES_MAX, true), (TEXT_BYTES_MAX + 1, false)] {
            let text = "x".repeat(bytes);
            assert_eq!(inside(&format!("<groupId>{text}</groupId>")).own.group.is_some(), is_kept, "{bytes}");
            assert_eq!(parse_properties(format!("groupId={text}").as_bytes()).group.is_some(), is_kept, "{bytes}");
        }
        for (bytes, is_kept) in [(NAME_BYTES_MAX - 1, true), (NAME_BYTES_MAX, true), (NAME_BYTES_MAX + 1, false)] {
            let name = "x".repeat(bytes);
            let project = inside(&format!("<properties><{name}>v</{name}></properties>"));
            assert_eq!(project.properties.contains_key(&name), is_kept, "{bytes}");
        }
    }

    #[test]
    fn interpolation_ends_at_its_limits() {
        // The last step looks whether anything is left.
        let chain = |steps: usize| {
            let links =
                (1..steps).map(|step| format!("<p{step}>${{p{}}}</p{step}>", step + 1)).collect::<Vec<_>>().concat();
            inside(&format!("<properties>{links}<p{steps}>end</p{steps}></properties>")).interpolate("${p1}")
        };
        for (steps, is_known) in
            [(INTERPOLATIONS_MAX - 2, true), (INTERPOLATIONS_MAX - 1, true), (INTERPOLATIONS_MAX, false)]
        {
            assert_eq!(chain(steps).as_deref(), is_known.then_some("end"), "{steps}");
        }
        for (bytes, is_known) in [(1023, true), (INTERPOLATED_BYTES_MAX, true), (1025, false)] {
            let project = inside(&format!("<properties><p>{}</p></properties>", "x".repeat(bytes)));
            assert_eq!(project.interpolate("${p}").is_some(), is_known, "{bytes}");
        }
    }

    #[test]
    fn what_is_refused() {
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        let cases = [
            (String::new(), "it is no Maven project"),
            ("<html/>".to_owned(), "it is no Maven project"),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><project/>".to_owned(), "it has a document type declaration"),
            (deep(DEPTH_MAX + 1), "its elements are nested more than 64 deep"),
            (deep(DEPTH_MAX), "it is no Maven project"),
            (deep(DEPTH_MAX - 1), "it is no Maven project"),
        ];
        for (text, expected) in cases {
            assert_eq!(Project::parse(text.as_bytes()).expect_err("refused").to_string(), expected);
        }
        assert!(matches!(Project::parse(b"<project><a></b></project>"), Err(PomError::Xml(_))));
    }

    const PROJECT: &str = "<?xml version='1.0'?><project xmlns='http://maven.apache.org/POM/4.0.0'>
            <parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>3</version><relativePath/></parent>
            <artifactId>app-${suffix}</artifactId><organization><name>A &amp; B&#33;</name></organization>
            <properties><suffix>x</suffix><v>${w}</v><w>2.${project.version}</w><loop>${loop}</loop></properties>
            <licenses><license><name><![CDATA[Apache-2.0]]></name><url>u</url></license><license><url>v</url></license></licenses>
            <dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>${v}</version><optional>true</optional>
              <exclusions><exclusion><groupId>h</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency></dependencies>
            <dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>m</artifactId><scope>test</scope></dependency></dependencies></dependencyManagement>
            <profiles><profile><dependencies><dependency><artifactId>never</artifactId></dependency></dependencies></profile></profiles>
            <build><plugins><plugin><artifactId>never</artifactId><dependencies><dependency><artifactId>never</artifactId></dependency></dependencies></plugin></plugins></build>
            </project>";

    #[test]
    fn a_project() {
        let project = Project::parse(PROJECT.as_bytes()).expect("well-formed");
        assert_eq!(project.profiles, [Profile::default()]);
        let project = Project { profiles: Vec::new(), ..project };
        insta::assert_debug_snapshot!(project, @r#"
        Project {
            own: Coordinates {
                group: None,
                artifact: Some(
                    "app-${suffix}",
                ),
                version: None,
            },
            parent: Some(
                Coordinates {
                    group: Some(
                        "org.example",
                    ),
                    artifact: Some(
                        "parent",
                    ),
                    version: Some(
                        "3",
                    ),
                },
            ),
            parent_path: Some(
                "",
            ),
            packaging: None,
            licenses: [
                "Apache-2.0",
                "v",
            ],
            organization: Some(
                "A & B!",
            ),
            dependencies: [
                Dependency {
                    target: Coordinates {
                        group: Some(
                            "g",
                        ),
                        artifact: Some(
                            "a",
                        ),
                        version: Some(
                            "${v}",
                        ),
                    },
                    scope: None,
                    kind: None,
                    classifier: None,
                    is_optional: true,
                    exclusions: [
                        (
                            "h",
                            "*",
                        ),
                    ],
                },
            ],
            managed: [
                Dependency {
                    target: Coordinates {
                        group: Some(
                            "g",
                        ),
                        artifact: Some(
                            "m",
                        ),
                        version: None,
                    },
                    scope: Some(
                        "test",
                    ),
                    kind: None,
                    classifier: None,
                    is_optional: false,
                    exclusions: [],
                },
            ],
            properties: {
                "loop": "${loop}",
                "suffix": "x",
                "v": "${w}",
                "w": "2.${project.version}",
            },
            profiles: [],
        }
        "#);
        let found = project.coordinates();
        assert_eq!(
            [found.group, found.artifact, found.version].map(Option::unwrap_or_default),
            ["org.example", "app-x", "3"]
        );
        let texts = ["${v}", "${loop}", "${unknown}", "${v", "a${pom.groupId}b"].map(|text| project.interpolate(text));
        assert_eq!(texts, [Some("2.3".to_owned()), None, None, None, Some("aorg.exampleb".to_owned())]);
    }

    #[test]
    fn a_byte_order_mark_says_the_encoding() {
        let text = "<?xml version='1.0' encoding='UTF-16'?><project><artifactId>é</artifactId></project>";
        let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        assert_eq!(Project::parse(&utf16).expect("a project").own.artifact.as_deref(), Some("é"));
    }

    #[test]
    fn what_a_project_says_by_itself() {
        let project = Project::parse(
            b"<project><parent><groupId>g</groupId><version>9</version></parent><artifactId>a</artifactId><version>${revision}</version>
            <properties><b>c</b></properties><dependencies>
            <dependency><groupId>${project.groupId}</groupId><artifactId>${b}</artifactId><version>1</version></dependency>
            <dependency><groupId>h</groupId><artifactId>${unknown}</artifactId></dependency></dependencies>
            <dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>c</artifactId><scope>test</scope></dependency>
            <dependency><groupId>g</groupId><artifactId>c</artifactId><scope>runtime</scope></dependency></dependencies></dependencyManagement></project>",
        );
        let project = project.expect("well-formed").resolved();
        // The version is not the parent's: the project has one of its own, which is told elsewhere.
        assert_eq!(
            project.coordinates(),
            Coordinates { group: Some("g".to_owned()), artifact: Some("a".to_owned()), version: None }
        );
        let [dependency] = project.dependencies.as_slice() else { panic!("one dependency is known") };
        let found = [&dependency.target.group, &dependency.target.artifact, &dependency.scope].map(Option::as_deref);
        assert_eq!(found, [Some("g"), Some("c"), Some("test")]);
    }

    #[test]
    fn properties() {
        let cases = [
            ("", [None, None, None]),
            ("#groupId=a\ngroupId", [None, None, None]),
            ("groupId:org.example\nartifactId: a=b\nversion:  1=2", [Some("org.example"), Some("a=b"), Some("1=2")]),
            ("version=${revision}\r\nartifactId = a \r\nother=1", [None, Some("a"), None]),
        ];
        for (text, expected) in cases {
            let found = parse_properties(text.as_bytes());
            assert_eq!(
                [found.group.as_deref(), found.artifact.as_deref(), found.version.as_deref()],
                expected,
                "{text:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(<project>|</?[a-z]{1,9}>|<!\\[CDATA\\[|]]>|&#?[a-z0-9]{0,4};|[a-z$\\{\\} <>&]){0,40}") {
            let _ = Project::parse(text.as_bytes());
            parse_properties(text.as_bytes());
        }
    }
}
