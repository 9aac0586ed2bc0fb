//! Maven projects in source trees: what their `pom.xml` asks for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use component::{Component, PackageType, Purl, Scope, Technique};

use crate::ecosystems::manifests;
use crate::extractors::maven_licenses::license;
use crate::extractors::maven::{Coordinates, Dependency, POM_BYTES_MAX, Project, interpolate};
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Keep, Pattern, Versions, View};

const NAME: &str = "java-pom";

/// Finds Maven projects and their direct dependencies.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: NAME,
    summary: "Maven projects: the dependencies that a pom.xml declares",
    evidence: Evidence::Declared,
    claims: &[Claim { pattern: Pattern::Path("**/pom.xml"), keep: Keep::Bytes { limit_bytes: POM_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::JavaArchive], versions: Versions::Stated, edges: Edges::Flat, licenses: true, files: false, hashes: false },
    catalog,
};

/// The longest chain of parents that is followed.
const PARENTS_MAX: usize = 16;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let mut projects: BTreeMap<&str, Project> = BTreeMap::new();
    let mut files: Vec<File<'_>> = Vec::new();
    for file in view.files(0) {
        // What lies unpacked from an archive describes what is there, and another cataloger reads it as that.
        if file.path().contains("/META-INF/maven/") {
            continue;
        }
        match Project::parse(file.bytes()) {
            Ok(project) => {
                projects.insert(file.path(), project.by_default());
                files.push(file);
            }
            Err(error) => findings.unknown(file.location(), format!("a Maven project that cannot be read: {error}")),
        }
    }
    let models: Vec<(File<'_>, Model<'_>)> =
        files.into_iter().map(|file| (file, Model::new(view, &projects, file.path()))).collect();
    // What stands here itself says what it needs.
    let own: HashSet<(Option<String>, Option<String>)> = models.iter().map(|(_, model)| model.name()).collect();
    for (file, model) in &models {
        model.report(file, &own, findings);
    }
}

/// What tells needs apart: group, artifact, type and classifier.
type Key = [Option<String>; 4];

/// A project with its parents, as far as they are there.
struct Model<'a> {
    /// The project itself, then its parents.
    chain: Vec<&'a Project>,
}

impl<'a> Model<'a> {
    fn new(view: &View<'_>, projects: &'a BTreeMap<&str, Project>, path: &str) -> Self {
        let mut chain: Vec<&Project> = vec![&projects[path]];
        let mut seen = BTreeSet::from([path.to_owned()]);
        let mut path = path.to_owned();
        while chain.len() < PARENTS_MAX {
            let child = chain[chain.len() - 1];
            let Some(wanted) = &child.parent else { break };
            let relative = child.parent_path.as_deref().unwrap_or("..");
            if relative.is_empty() {
                break;
            }
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let candidates = [format!("{directory}/{relative}"), format!("{directory}/{relative}/pom.xml")];
            let Some(parent) = candidates.iter().find_map(|candidate| view.file(candidate)) else { break };
            let Some(project) = projects.get(parent.path()) else { break };
            if !is_wanted(project, wanted) || !seen.insert(parent.path().to_owned()) {
                break;
            }
            parent.path().clone_into(&mut path);
            chain.push(project);
        }
        Self { chain }
    }

    /// Returns the group and the artifact.
    fn name(&self) -> (Option<String>, Option<String>) {
        let Coordinates { group, artifact, .. } = self.coordinates();
        (group, artifact)
    }

    fn report(&self, file: &File<'_>, projects: &HashSet<(Option<String>, Option<String>)>, findings: &mut Findings) {
        let own = self.coordinates();
        let Some(artifact) = own.artifact else {
            findings.unknown(file.location(), "a Maven project without a name");
            return;
        };
        let mut component = Component::new(PackageType::JavaArchive, artifact, NAME, Technique::Manifest);
        component.purl = purl(own.group.as_deref(), &component.name, own.version.as_deref(), None);
        component.version = own.version;
        component.licenses = self.chain.iter().find(|project| !project.licenses.is_empty()).map_or_else(Vec::new, |project| {
            project.licenses.iter().filter_map(|text| license(text)).collect()
        });
        component.supplier = self.chain.iter().find_map(|project| project.organization.clone());
        component.locations.push(file.location());
        let project = findings.add(component);
        findings.direct(project, Scope::Runtime);
        let managed = self.managed();
        let mut asked: Vec<(Component, Scope)> = Vec::new();
        for dependency in self.dependencies() {
            let Some((component, scope)) = self.dependency(dependency, &managed, file) else { continue };
            let group = component.purl.as_ref().and_then(|purl| purl.namespace()).map(str::to_owned);
            if scope != Scope::Optional && !projects.contains(&(group, Some(component.name.clone()))) {
                asked.push((component.clone(), scope));
            }
            let handle = findings.add(component);
            findings.depends_on(project, handle, scope);
        }
        if manifests::is_of_project(file.path()) {
            manifests::declare_listed(*file, asked.iter().map(|(component, scope)| (component, *scope)), findings);
            self.tell_profiles(*file, projects, findings);
        }
    }

    /// Tells what the project asks for in profiles that a build must ask for, where it does not ask for that anyway.
    fn tell_profiles(&self, file: File<'_>, projects: &HashSet<(Option<String>, Option<String>)>, findings: &mut Findings) {
        let asked: HashSet<Key> = self.dependencies().into_iter().filter_map(|dependency| self.key(dependency)).collect();
        for profile in &self.chain[0].profiles {
            let keys = profile.dependencies.iter().filter(|dependency| !dependency.is_optional).filter_map(|dependency| self.key(dependency));
            let open = keys.filter(|key| !asked.contains(key) && !projects.contains(&(key[0].clone(), key[1].clone())));
            let names: BTreeSet<String> = open.filter_map(|[_, artifact, ..]| artifact).collect();
            if !names.is_empty() {
                manifests::tell_condition(file, names, &format!("in the profile `{}`", profile.id.as_deref().unwrap_or("default")), findings);
            }
        }
    }

    fn coordinates(&self) -> Coordinates {
        let project = self.chain[0];
        let parent = project.parent.clone().unwrap_or_default();
        let resolve = |own: &Option<String>, inherited: Option<String>| self.resolve(&own.clone().or(inherited)?);
        Coordinates {
            group: resolve(&project.own.group, parent.group),
            artifact: resolve(&project.own.artifact, None),
            version: resolve(&project.own.version, parent.version),
        }
    }

    fn resolve(&self, text: &str) -> Option<String> {
        interpolate(text, &|name| {
            let is_field = name.starts_with("project.") || name.starts_with("pom.");
            let reach = if is_field { 1 } else { self.chain.len() };
            self.chain[..reach].iter().find_map(|project| project.property(name))
        })
    }

    /// Returns the project's dependencies and those of its parents, each once, the nearest statement of it.
    fn dependencies(&self) -> Vec<&'a Dependency> {
        let mut seen = BTreeSet::new();
        let all = self.chain.iter().flat_map(|project| &project.dependencies);
        all.filter(|dependency| self.key(dependency).is_some_and(|key| seen.insert(key))).collect()
    }

    /// Returns what the project and its parents say about needs without having them, the nearest statement of each.
    fn managed(&self) -> HashMap<Key, &'a Dependency> {
        let mut managed = HashMap::new();
        for dependency in self.chain.iter().flat_map(|project| &project.managed) {
            if let Some(key) = self.key(dependency) {
                managed.entry(key).or_insert(dependency);
            }
        }
        managed
    }

    fn key(&self, dependency: &Dependency) -> Option<Key> {
        let group = self.resolve(dependency.target.group.as_deref()?)?;
        let artifact = self.resolve(dependency.target.artifact.as_deref()?)?;
        Some([Some(group), Some(artifact), dependency.kind.clone().filter(|kind| kind != "jar"), dependency.classifier.clone()])
    }

    fn dependency(&self, dependency: &Dependency, managed: &HashMap<Key, &Dependency>, file: &File<'_>) -> Option<(Component, Scope)> {
        let key = self.key(dependency)?;
        let managed = managed.get(&key).copied();
        let [group, artifact, kind, classifier] = key;
        let stated = dependency.scope.as_ref().or_else(|| managed?.scope.as_ref());
        let stated = stated.and_then(|scope| self.resolve(scope)).unwrap_or_else(|| "compile".to_owned());
        let scope = match (stated.as_str(), dependency.is_optional) {
            ("import", _) => return None,
            // What is provided is there to build against; whoever runs the project brings their own.
            ("test" | "provided" | "system", _) => Scope::Development,
            (_, true) => Scope::Optional,
            (_, false) => Scope::Runtime,
        };
        let version = dependency.target.version.as_ref().or_else(|| managed?.target.version.as_ref());
        let version = version.and_then(|version| self.resolve(version));
        let classifier = classifier.and_then(|classifier| self.resolve(&classifier));
        let mut component = Component::new(PackageType::JavaArchive, artifact?, NAME, Technique::Manifest);
        // A range asks for a version without saying which.
        let (range, version) = version.map_or((None, None), |version| match only_version(&version) {
            Some(only) => (None, Some(only.to_owned())),
            None => (Some(version), None),
        });
        component.purl = purl(group.as_deref(), &component.name, version.as_deref(), classifier.as_deref());
        component.version = version;
        component.scope = scope;
        component.direct = Some(true);
        component.locations.push(file.location());
        if let Some(range) = range {
            component.properties.insert("java:version-range".into(), range);
        }
        if stated != "compile" {
            component.properties.insert("java:scope".into(), stated);
        }
        if let Some(kind) = kind {
            component.properties.insert("java:type".into(), kind);
        }
        Some((component, scope))
    }
}

/// Returns the one version that a requirement allows: `1.0` is a wish that is granted where nothing else is wished, `[1.0]` a condition.
fn only_version(requirement: &str) -> Option<&str> {
    let bounds = requirement.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let version = bounds.map_or(requirement, str::trim);
    let is_one = !version.is_empty() && !version.contains(['[', '(', ',', ']', ')']);
    is_one.then_some(version)
}

fn is_wanted(project: &Project, wanted: &Coordinates) -> bool {
    let found = project.coordinates();
    let differs = |found: &Option<String>, wanted: &Option<String>| {
        let wanted = wanted.as_ref().filter(|wanted| !wanted.contains("${"));
        found.is_some() && wanted.is_some() && found.as_ref() != wanted
    };
    found.artifact == wanted.artifact && !differs(&found.group, &wanted.group) && !differs(&found.version, &wanted.version)
}

fn purl(group: Option<&str>, artifact: &str, version: Option<&str>, classifier: Option<&str>) -> Option<Purl> {
    let builder = Purl::builder("maven", artifact).namespace(group?).version(version.unwrap_or_default());
    builder.qualifier("classifier", classifier.unwrap_or_default()).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn parents_are_followed_to_the_limit() {
        for (parents, is_known) in [(PARENTS_MAX - 2, true), (PARENTS_MAX - 1, true), (PARENTS_MAX, false)] {
            let path = |level: usize| format!("{}/pom.xml", (0..=level).map(|level| format!("/l{level}")).collect::<Vec<_>>().concat());
            let files: Vec<(String, String)> = (0..=parents)
                .map(|level| {
                    let parent = match level {
                        0 => "<groupId>g</groupId><version>1</version><properties><wanted>2.0</wanted></properties>".to_owned(),
                        _ => format!("<parent><groupId>g</groupId><artifactId>a{}</artifactId><version>1</version></parent>", level - 1),
                    };
                    let needs = "<dependencies><dependency><groupId>h</groupId><artifactId>b</artifactId><version>${wanted}</version></dependency></dependencies>";
                    let needs = if level == parents { needs } else { "" };
                    (path(level), format!("<project>{parent}<artifactId>a{level}</artifactId>{needs}</project>"))
                })
                .collect();
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            assert_eq!(check(&files).contains("java-archive b@2.0"), is_known, "{parents}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_reported() {
        insta::assert_snapshot!(check(&[("/a/pom.xml", "<!DOCTYPE x><project/>"), ("/b/pom.xml", "<project/>"), ("/c/pom.xml", "text")]), @r"
        unknown /a/pom.xml: a Maven project that cannot be read: it has a document type declaration
        unknown /b/pom.xml: a Maven project without a name
        unknown /c/pom.xml: a Maven project that cannot be read: it is no Maven project
        ");
    }

    #[test]
    fn scopes_versions_and_what_parents_say() {
        let parent = "<project><groupId>org.example</groupId><artifactId>parent</artifactId><version>1.0</version><packaging>pom</packaging>
            <properties><b.version>2.5</b.version></properties><licenses><license><name>Apache-2.0</name></license></licenses>
            <dependencies><dependency><groupId>g</groupId><artifactId>inherited</artifactId><version>7</version></dependency></dependencies>
            <dependencyManagement><dependencies>
              <dependency><groupId>g</groupId><artifactId>managed</artifactId><version>${b.version}</version><scope>test</scope></dependency>
              <dependency><groupId>g</groupId><artifactId>bom</artifactId><version>1</version><type>pom</type><scope>import</scope></dependency>
            </dependencies></dependencyManagement></project>";
        let child = "<project><parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>1.0</version></parent>
            <artifactId>child</artifactId><dependencies>
            <dependency><groupId>g</groupId><artifactId>managed</artifactId></dependency>
            <dependency><groupId>${project.groupId}</groupId><artifactId>sibling</artifactId><version>${project.version}</version></dependency>
            <dependency><groupId>g</groupId><artifactId>servlet</artifactId><version>${unknown}</version><scope>provided</scope></dependency>
            <dependency><groupId>g</groupId><artifactId>maybe</artifactId><version>[1,2)</version><optional>true</optional></dependency>
            <dependency><groupId>g</groupId><artifactId>native</artifactId><version>[3]</version><classifier>linux</classifier><scope>runtime</scope></dependency>
            </dependencies></project>";
        insta::assert_snapshot!(check(&[("/src/pom.xml", parent), ("/src/child/pom.xml", child)]), @r#"
            java-archive child@1.0 pkg:maven/org.example/child@1.0 direct license="Apache-2.0" at /src/child/pom.xml
            java-archive inherited@7 pkg:maven/g/inherited@7 direct at /src/child/pom.xml at /src/pom.xml
            java-archive managed@2.5 pkg:maven/g/managed@2.5 development direct java:scope="test" at /src/child/pom.xml
            java-archive maybe pkg:maven/g/maybe optional direct java:version-range="[1,2)" at /src/child/pom.xml
            java-archive native@3 pkg:maven/g/native@3?classifier=linux direct java:scope="runtime" at /src/child/pom.xml
            java-archive parent@1.0 pkg:maven/org.example/parent@1.0 direct license="Apache-2.0" at /src/pom.xml
            java-archive servlet pkg:maven/g/servlet development direct java:scope="provided" at /src/child/pom.xml
            java-archive sibling@1.0 pkg:maven/org.example/sibling@1.0 direct at /src/child/pom.xml
            root -> child@1.0
            root -> parent@1.0
            child@1.0 -> inherited@7
            child@1.0 -development-> managed@2.5
            child@1.0 -optional-> maybe
            child@1.0 -> native@3
            child@1.0 -development-> servlet
            child@1.0 -> sibling@1.0
            parent@1.0 -> inherited@7
            unknown /src/child/pom.xml: asks for servlet: nothing here says which versions these get and what they and 4 more need in turn
            unknown /src/pom.xml: asks for inherited 7: nothing here says what these need in turn
            "#);
    }

    #[test]
    fn profiles() {
        let needs = |names: &[&str]| {
            let needs = names.iter().map(|name| format!("<dependency><groupId>g</groupId><artifactId>{name}</artifactId><version>${{v}}</version></dependency>"));
            format!("<dependencies>{}</dependencies>", needs.collect::<Vec<_>>().concat())
        };
        let default = "<activation><activeByDefault>true</activeByDefault></activation>";
        let profile = |id: &str, rest: &str| format!("<profile><id>{id}</id>{rest}</profile>");
        let project = format!(
            "<project><groupId>g</groupId><artifactId>app</artifactId><version>1</version>{}<properties><v>1</v></properties><profiles>{}{}{}{}{}</profiles></project>",
            needs(&["always"]),
            profile("first", &format!("{default}{}<properties><v>2</v></properties>", needs(&["first"]))),
            profile("off", &format!("<activation><activeByDefault>false</activeByDefault><jdk>1.8</jdk></activation>{}", needs(&["tools", "always", "app"]))),
            profile("prod", &needs(&["a", "b", "c", "d", "first"])),
            profile("same", &needs(&["always"])),
            profile("last", &format!("{default}<properties><v>3</v></properties><build/>")),
        );
        insta::assert_snapshot!(check(&[("/pom.xml", &project)]), @r"
            java-archive always@3 pkg:maven/g/always@3 direct at /pom.xml
            java-archive app@1 pkg:maven/g/app@1 direct at /pom.xml
            java-archive first@3 pkg:maven/g/first@3 direct at /pom.xml
            root -> app@1
            app@1 -> always@3
            app@1 -> first@3
            unknown /pom.xml: asks for a, b, c and 1 more in the profile `prod`: nothing here says whether it is built so
            unknown /pom.xml: asks for always 3 and first 3: nothing here says what these need in turn
            unknown /pom.xml: asks for tools in the profile `off`: nothing here says whether it is built so
            ");
    }

    #[test]
    fn parents_in_a_circle_end() {
        let project = |name: &str, parent: &str| {
            format!("<project><parent><groupId>g</groupId><artifactId>{parent}</artifactId><version>1</version><relativePath>../{parent}</relativePath></parent><artifactId>{name}</artifactId></project>")
        };
        insta::assert_snapshot!(check(&[("/a/pom.xml", &project("a", "b")), ("/b/pom.xml", &project("b", "a"))]), @r"
        java-archive a@1 pkg:maven/g/a@1 direct at /a/pom.xml
        java-archive b@1 pkg:maven/g/b@1 direct at /b/pom.xml
        root -> a@1
        root -> b@1
        ");
    }
}
