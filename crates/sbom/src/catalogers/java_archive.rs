//! Java archives: jars, wars, ears, plugins, and the archives in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use component::{Code, Component, Hash, HashAlgorithm, License, Location, PackageType, Purl, Scope, Technique};

use crate::extractors::java_archive::{Archive, Archives, JAVA_ARCHIVE, Pom};
use crate::extractors::maven_licenses::license;
use crate::extractors::maven::{Coordinates, Dependency, POM_BYTES_MAX, PROPERTIES_BYTES_MAX, Project, parse_properties};
use crate::extractors::maven_groups;
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Handle, Keep, Pattern, Versions, View};

const NAME: &str = "java-archive";

/// Finds Java archives and what is in them.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: NAME,
    summary: "jar, war, ear and other Java archives, nested to any depth, with the Maven projects in them",
    evidence: Evidence::Installed,
    claims: &[
        claim("**/*.jar"),
        claim("**/*.war"),
        claim("**/*.ear"),
        claim("**/*.par"),
        claim("**/*.sar"),
        claim("**/*.nar"),
        claim("**/*.jpi"),
        claim("**/*.hpi"),
        claim("**/*.kar"),
        claim("**/*.lpkg"),
        claim("**/*.rar"),
        claim("**/*.zap"),
        claim("**/*.far"),
        Claim { pattern: Pattern::Path("**/META-INF/maven/**/pom.properties"), keep: Keep::Bytes { limit_bytes: PROPERTIES_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/META-INF/maven/**/pom.xml"), keep: Keep::Bytes { limit_bytes: POM_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::JavaArchive, PackageType::JenkinsPlugin], versions: Versions::Stated, edges: Edges::Complete, licenses: true, files: false, hashes: true },
    catalog,
};

const fn claim(pattern: &'static str) -> Claim {
    Claim { pattern: Pattern::Path(pattern), keep: Keep::Record(&JAVA_ARCHIVE) }
}

/// How many of the claims are for archives; the two after them are for archives that lie unpacked.
const ARCHIVE_CLAIMS: usize = 13;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let mut class_paths: BTreeMap<String, ClassPath<'_>> = BTreeMap::new();
    for claim in 0..ARCHIVE_CLAIMS {
        for file in view.files(claim) {
            let Some(archives) = Archives::from_record(file.bytes()) else { continue };
            // An application with its libraries inside stands for itself; bare archives of one directory belong together.
            let class_path = if archives.archives.len() > 1 { file.path() } else { directory_of(file.path()) };
            class_paths.entry(class_path.to_owned()).or_default().files.push((file, archives));
        }
    }
    for (root, file, pom) in unpacked(view, findings) {
        // Where an unpacked application has its libraries, by its kind.
        let libraries = ["BOOT-INF/lib", "WEB-INF/lib", "lib"].map(|directory| format!("{root}/{directory}"));
        let class_path = libraries.into_iter().find(|directory| class_paths.contains_key(directory));
        class_paths.entry(class_path.unwrap_or(root)).or_default().unpacked.push((file, pom));
    }
    let mut plugins = Vec::new();
    for class_path in class_paths.values() {
        class_path.report(findings, &mut plugins);
    }
    relate_plugins(&plugins, findings);
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Returns the Maven projects of archives that lie unpacked, with the directories that those were unpacked into.
fn unpacked<'a>(view: &View<'a>, findings: &mut Findings) -> Vec<(String, File<'a>, Pom)> {
    let mut poms: BTreeMap<String, (File<'a>, Pom)> = BTreeMap::new();
    for claim in [ARCHIVE_CLAIMS, ARCHIVE_CLAIMS + 1] {
        for file in view.files(claim) {
            let directory = directory_of(file.path()).to_owned();
            let (_, pom) = poms.entry(directory).or_insert_with(|| (file, Pom::default()));
            if claim == ARCHIVE_CLAIMS {
                pom.properties = Some(parse_properties(file.bytes()));
            } else {
                match Project::parse(file.bytes()) {
                    Ok(project) => pom.project = Some(project.resolved()),
                    Err(error) => findings.unknown(file.location(), format!("a Maven project that cannot be read: {error}")),
                }
            }
        }
    }
    let root = |directory: String| directory.split("/META-INF/maven/").next().unwrap_or_default().to_owned();
    poms.into_iter().map(|(directory, (file, pom))| (root(directory), file, pom)).collect()
}

/// Archives that find each other's classes.
#[derive(Default)]
struct ClassPath<'a> {
    files: Vec<(File<'a>, Archives)>,
    /// Projects of archives that lie unpacked.
    unpacked: Vec<(File<'a>, Pom)>,
}

/// A Maven artifact on a class path.
struct Artifact<'a> {
    handle: Handle,
    group: Option<String>,
    name: String,
    project: Option<&'a Project>,
    /// Whether it is the application that the others are there for.
    is_application: bool,
}

/// A Jenkins plugin.
struct Plugin {
    handle: Handle,
    directory: String,
    name: String,
    dependencies: String,
}

impl ClassPath<'_> {
    fn report(&self, findings: &mut Findings, plugins: &mut Vec<Plugin>) {
        let asked = self.asked();
        let mut artifacts = Vec::new();
        for (file, archives) in &self.files {
            report_file(file, archives, &asked, &mut artifacts, findings, plugins);
        }
        for (file, pom) in &self.unpacked {
            artifacts.extend(report_unpacked(file, pom, findings));
        }
        if let Some(file) = self.files.iter().map(|(file, _)| file).chain(self.unpacked.iter().map(|(file, _)| file)).next() {
            relate(&artifacts, &file.location(), findings);
        }
    }

    /// Returns, for each artifact, the groups that projects on the class path ask for it by.
    fn asked(&self) -> HashMap<String, BTreeSet<String>> {
        let mut asked: HashMap<String, BTreeSet<String>> = HashMap::new();
        let packed = self.files.iter().flat_map(|(_, archives)| &archives.archives).flat_map(|archive| &archive.poms);
        for project in packed.chain(self.unpacked.iter().map(|(_, pom)| pom)).filter_map(|pom| pom.project.as_ref()) {
            for (group, artifact) in project.dependencies.iter().filter_map(target) {
                asked.entry(artifact.to_owned()).or_default().insert(group.to_owned());
            }
        }
        asked
    }
}

fn report_file<'a>(
    file: &File<'_>,
    archives: &'a Archives,
    asked: &HashMap<String, BTreeSet<String>>,
    artifacts: &mut Vec<Artifact<'a>>,
    findings: &mut Findings,
    plugins: &mut Vec<Plugin>,
) {
    let mut handles: Vec<Handle> = Vec::with_capacity(archives.archives.len());
    for (index, archive) in archives.archives.iter().enumerate() {
        let location = location(file, archives, index);
        for (member, reason) in &archive.refused {
            let mut location = location.clone();
            location.inside.extend(Some(member.clone()).filter(|member| !member.is_empty()));
            findings.unknown(location, reason);
        }
        let identity = Identity::of(archive, if index == 0 { file.path() } else { &archive.name }, asked);
        let is_application = index == 0 && archives.archives.len() > 1;
        let handle = findings.add(identity.component(archive, location.clone()));
        if is_application {
            findings.direct(handle, Scope::Runtime);
        }
        if let Some(parent) = archive.parent.and_then(|parent| handles.get(parent as usize)) {
            findings.contains(*parent, handle);
        }
        handles.push(handle);
        if identity.is_plugin && index == 0 {
            plugins.push(Plugin {
                handle,
                directory: directory_of(file.path()).to_owned(),
                name: archive.manifest.get("short-name").unwrap_or(&identity.artifact).clone(),
                dependencies: archive.manifest.get("plugin-dependencies").cloned().unwrap_or_default(),
            });
        }
        let own = identity.pom;
        let project = own.and_then(|own| archive.poms[own].project.as_ref());
        artifacts.push(Artifact { handle, group: identity.group, name: identity.artifact, project, is_application });
        for pom in archive.poms.iter().enumerate().filter(|(at, _)| Some(*at) != own).map(|(_, pom)| pom) {
            artifacts.extend(contained(pom, &location, handle, findings));
        }
    }
}

/// Reports the project of an archive that lies unpacked: an application in the layers of an image.
fn report_unpacked<'a>(file: &File<'_>, pom: &'a Pom, findings: &mut Findings) -> Option<Artifact<'a>> {
    let component = project_component(pom, file.location())?;
    let (group, name) = (pom.coordinates().group, component.name.clone());
    let handle = findings.add(component);
    findings.direct(handle, Scope::Runtime);
    Some(Artifact { handle, group, name, project: pom.project.as_ref(), is_application: true })
}

/// Returns the group and artifact of a need.
fn target(dependency: &Dependency) -> Option<(&str, &str)> {
    Some((dependency.target.group.as_deref()?, dependency.target.artifact.as_deref()?))
}

fn location(file: &File<'_>, archives: &Archives, index: usize) -> Location {
    let mut location = file.location();
    let mut at = Some(index);
    // Each archive stands after the one that it is in, so this ends.
    while let Some(archive) = at.filter(|&at| at > 0).map(|at| &archives.archives[at]) {
        location.inside.push(archive.name.clone());
        at = archive.parent.map(|parent| parent as usize);
    }
    location.inside.reverse();
    location
}

/// Reports a Maven project whose files are in an archive that is not its own: it was shaded into it, or only left its description.
fn contained<'a>(pom: &'a Pom, location: &Location, outer: Handle, findings: &mut Findings) -> Option<Artifact<'a>> {
    let mut location = location.clone();
    let file = if pom.properties.is_some() { "pom.properties" } else { "pom.xml" };
    location.inside.push(format!("{}/{file}", pom.directory));
    let mut component = project_component(pom, location)?;
    if pom.has_classes {
        component.code = Code::Present;
        component.properties.insert("java:shaded".into(), "true".to_owned());
    } else {
        component.confidence_percent = 60;
    }
    let (group, name) = (pom.coordinates().group, component.name.clone());
    let handle = findings.add(component);
    findings.contains(outer, handle);
    Some(Artifact { handle, group, name, project: pom.project.as_ref(), is_application: false })
}

fn project_component(pom: &Pom, location: Location) -> Option<Component> {
    let coordinates = pom.coordinates();
    let mut component = Component::new(PackageType::JavaArchive, coordinates.artifact?, NAME, Technique::Archive);
    component.version = coordinates.version;
    component.purl = purl(coordinates.group.as_deref(), &component.name, component.version.as_deref(), None);
    component.licenses = pom.project.iter().flat_map(|project| &project.licenses).filter_map(|text| license(text)).collect();
    component.supplier = pom.project.as_ref().and_then(|project| project.organization.clone());
    component.locations.push(location);
    Some(component)
}

/// Adds the edges between the artifacts of one class path, as Maven resolves them: what a library needs only to be built or tested, or optionally, does
/// not come with it.
fn relate(artifacts: &[Artifact<'_>], place: &Location, findings: &mut Findings) {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, artifact) in artifacts.iter().enumerate() {
        by_name.entry(&artifact.name).or_default().push(at);
    }
    let Needs { list: needs, is_cut } = needs(artifacts, &by_name);
    if is_cut {
        findings.unknown(place.clone(), format!("the archives of one class path need each other in more than {NEEDS_MAX} ways"));
    }
    let mut exclusions: HashMap<usize, Vec<&[(String, String)]>> = HashMap::new();
    for need in &needs {
        exclusions.entry(need.to).or_default().push(need.exclusions);
    }
    let application = artifacts.iter().position(|artifact| artifact.is_application && artifact.project.is_some());
    if application.is_some() {
        for artifact in artifacts.iter().filter(|artifact| !artifact.is_application) {
            findings.component_mut(artifact.handle).direct = Some(false);
        }
    }
    for need in &needs {
        // What everyone who needs the first excludes from it is not its own need here.
        let is_excluded = exclusions.get(&need.from).is_some_and(|lists| lists.iter().all(|list| excludes(list, &artifacts[need.to])));
        if is_excluded {
            continue;
        }
        findings.depends_on(artifacts[need.from].handle, artifacts[need.to].handle, need.scope);
        if Some(need.from) == application {
            findings.component_mut(artifacts[need.to].handle).direct = Some(true);
        }
    }
}

/// Returns what the artifacts need of each other, at most [`NEEDS_MAX`].
fn needs<'a>(artifacts: &[Artifact<'a>], by_name: &HashMap<&str, Vec<usize>>) -> Needs<'a> {
    let mut needs = Vec::new();
    for (from, artifact) in artifacts.iter().enumerate() {
        for dependency in artifact.project.into_iter().flat_map(|project| &project.dependencies) {
            let Some((group, name)) = target(dependency) else { continue };
            let scope = match (dependency.scope.as_deref().unwrap_or("compile"), artifact.is_application) {
                ("test" | "import", _) | ("provided" | "system", false) => continue,
                _ if dependency.is_optional && !artifact.is_application => continue,
                _ if dependency.is_optional => Scope::Optional,
                _ => Scope::Runtime,
            };
            for &to in by_name.get(name).into_iter().flatten() {
                if artifacts[to].group.as_ref().is_some_and(|known| known != group) || to == from {
                    continue;
                }
                if needs.len() == NEEDS_MAX {
                    return Needs { list: needs, is_cut: true };
                }
                needs.push(Need { from, to, scope, exclusions: &dependency.exclusions });
            }
        }
    }
    Needs { list: needs, is_cut: false }
}

/// The most needs on one class path. The largest applications have ten thousand; archives that all have one name and need it would have the square of
/// their number.
const NEEDS_MAX: usize = 1_000_000;

struct Needs<'a> {
    list: Vec<Need<'a>>,
    /// Whether there are more.
    is_cut: bool,
}

struct Need<'a> {
    from: usize,
    to: usize,
    scope: Scope,
    exclusions: &'a [(String, String)],
}

fn excludes(exclusions: &[(String, String)], artifact: &Artifact<'_>) -> bool {
    exclusions.iter().any(|(group, name)| {
        (group == "*" || artifact.group.as_ref().is_some_and(|known| known == group)) && (name == "*" || *name == artifact.name)
    })
}

/// Adds the edges between Jenkins plugins of one directory: `git-client:3.0,ssh:1.2;resolution:=optional`.
fn relate_plugins(plugins: &[Plugin], findings: &mut Findings) {
    let by_name: HashMap<(&str, &str), Handle> =
        plugins.iter().map(|plugin| ((plugin.directory.as_str(), plugin.name.as_str()), plugin.handle)).collect();
    for plugin in plugins {
        for dependency in plugin.dependencies.split(',') {
            let name = dependency.split(':').next().unwrap_or_default().trim();
            let is_optional = dependency.contains("resolution:=optional");
            if let Some(to) = by_name.get(&(plugin.directory.as_str(), name)) {
                findings.depends_on(plugin.handle, *to, if is_optional { Scope::Optional } else { Scope::Runtime });
            }
        }
    }
}

/// What an archive is.
struct Identity {
    artifact: String,
    version: Option<String>,
    group: Option<String>,
    /// How the group was found, when the archive does not state it.
    group_source: Option<&'static str>,
    classifier: Option<String>,
    technique: Technique,
    confidence_percent: u8,
    is_plugin: bool,
    /// Its own Maven project, of those that are in it.
    pom: Option<usize>,
}

impl Identity {
    fn of(archive: &Archive, path: &str, asked: &HashMap<String, BTreeSet<String>>) -> Self {
        let file_name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
        let stem = if stem.is_empty() { file_name } else { stem };
        let attribute = |name: &str| archive.manifest.get(name).map(String::as_str);
        if let Some(own) = own_pom(archive, stem) {
            let coordinates = archive.poms[own].coordinates();
            let artifact = coordinates.artifact.unwrap_or_else(|| stem.to_owned());
            let is_plugin = attribute("plugin-version").is_some() && attribute("short-name").is_some();
            let version = coordinates.version.or_else(|| manifest_version(archive).map(str::to_owned)).or_else(|| split(stem, archive).1);
            let classifier = version.as_deref().and_then(|version| classifier(stem, &artifact, version));
            return Self {
                artifact,
                version,
                group: coordinates.group,
                group_source: None,
                classifier,
                technique: Technique::Archive,
                confidence_percent: 100,
                is_plugin,
                pom: Some(own),
            };
        }
        if let (Some(name), Some(version)) = (attribute("short-name"), attribute("plugin-version")) {
            return Self {
                artifact: name.to_owned(),
                // `1.2 (private-0123-user)` is how a plugin is marked that its author built at home.
                version: version.split_whitespace().next().map(str::to_owned),
                group: attribute("group-id").map(str::to_owned),
                group_source: None,
                classifier: None,
                technique: Technique::Archive,
                confidence_percent: 90,
                is_plugin: true,
                pom: None,
            };
        }
        let (artifact, named_version) = split(stem, archive);
        let stated = manifest_version(archive);
        let (technique, confidence_percent) = match (stated, &named_version) {
            (Some(stated), Some(named)) if stated == named => (Technique::Archive, 80),
            (Some(_), _) => (Technique::Archive, 60),
            (None, _) => (Technique::FileName, 40),
        };
        // The file name carries the version that it was published by; manifests often carry that of the build.
        let version = named_version.or_else(|| stated.map(str::to_owned));
        let (group, group_source) =
            group(archive, &artifact, version.as_deref(), asked).map_or((None, None), |(group, source)| (Some(group), Some(source)));
        Self { artifact, version, group, group_source, classifier: None, technique, confidence_percent, is_plugin: false, pom: None }
    }

    fn component(&self, archive: &Archive, location: Location) -> Component {
        let package_type = if self.is_plugin { PackageType::JenkinsPlugin } else { PackageType::JavaArchive };
        let mut component = Component::new(package_type, &self.artifact, NAME, self.technique);
        component.version.clone_from(&self.version);
        component.purl = purl(self.group.as_deref(), &self.artifact, self.version.as_deref(), self.classifier.as_deref());
        component.confidence_percent = self.confidence_percent;
        component.hashes.push(Hash { algorithm: HashAlgorithm::Sha1, hex: hex::encode(archive.sha1) });
        let project = self.pom.and_then(|own| archive.poms[own].project.as_ref());
        component.licenses = project.into_iter().flat_map(|project| &project.licenses).filter_map(|text| license(text)).collect();
        if component.licenses.is_empty() {
            let stated = ["bundle-license", "plugin-license-name"].iter().find_map(|name| archive.manifest.get(*name));
            component.licenses = stated.into_iter().flat_map(|text| bundle_licenses(text)).collect();
        }
        let vendor = || ["implementation-vendor", "bundle-vendor"].iter().find_map(|name| archive.manifest.get(*name).cloned());
        component.supplier = project.and_then(|project| project.organization.clone()).or_else(vendor);
        component.code = match (archive.has_classes, archive.has_content) {
            (true, _) => Code::Present,
            (false, true) => Code::Unknown,
            (false, false) => Code::Absent,
        };
        if let Some(source) = self.group_source {
            component.properties.insert("java:group-source".into(), source.to_owned());
        }
        component.locations.push(location);
        component
    }
}

fn purl(group: Option<&str>, artifact: &str, version: Option<&str>, classifier: Option<&str>) -> Option<Purl> {
    let builder = Purl::builder("maven", artifact).namespace(group?).version(version.unwrap_or_default());
    builder.qualifier("classifier", classifier.unwrap_or_default()).build().ok()
}

/// Finds the project that an archive is, among those that are in it.
fn own_pom(archive: &Archive, stem: &str) -> Option<usize> {
    let (named, named_version) = split(stem, archive);
    let scores: Vec<(u8, usize)> = archive.poms.iter().enumerate().map(|(at, pom)| (score(pom, archive, stem), at)).collect();
    let best = scores.iter().map(|(score, _)| *score).max()?;
    let mut leaders = scores.iter().filter(|(score, _)| *score == best).map(|(_, at)| *at);
    let first = leaders.next()?;
    if best > 0 {
        return leaders.next().is_none().then_some(first);
    }
    // No name speaks for any. One project alone is the archive itself under another name, unless that name has another version or is that of what is
    // known to be published without a project: Ehcache has one of its modules inside.
    if let [only] = archive.poms.as_slice() {
        let has_other_version = named_version.is_some() && named_version != only.coordinates().version;
        let is_other = has_other_version || known_group(archive, &named, named_version.as_deref()).is_some() || is_contradicted(only, archive, &named);
        return (!is_other && only.coordinates().artifact.is_some()).then_some(0);
    }
    // Of several, the one that needs others and that none needs.
    let coordinates: Vec<Coordinates> = archive.poms.iter().map(Pom::coordinates).collect();
    let places: HashMap<_, usize> =
        coordinates.iter().zip(0..).map(|(known, at)| ((known.group.as_deref(), known.artifact.as_deref()), at)).collect();
    let needs_of = |pom: &Pom| -> Vec<usize> {
        let dependencies = pom.project.iter().flat_map(|project| &project.dependencies).filter_map(target);
        dependencies.filter_map(|(group, artifact)| places.get(&(Some(group), Some(artifact))).copied()).collect()
    };
    let targets: Vec<Vec<usize>> = archive.poms.iter().map(needs_of).collect();
    let needed: BTreeSet<usize> = targets.iter().flatten().copied().collect();
    let mut roots = (0..targets.len()).filter(|at| !targets[*at].is_empty() && !needed.contains(at));
    let root = roots.next()?;
    let is_own = roots.next().is_none() && !is_contradicted(&archive.poms[root], archive, &named);
    is_own.then_some(root)
}

/// Returns whether the archive is stated to be something else than a project in it that no name speaks for: the manifest has the file's name, and only versions
/// other than the project's.
fn is_contradicted(pom: &Pom, archive: &Archive, named: &str) -> bool {
    const NAMES: [&str; 6] = ["implementation-title", "bundle-name", "bundle-symbolicname", "automatic-module-name", "extension-name", "specification-title"];
    let Some(version) = pom.coordinates().version else { return false };
    let word = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect::<String>();
    let named = word(named);
    let is_named = NAMES.iter().filter_map(|name| archive.manifest.get(*name)).any(|name| {
        let name = name.split(';').next().unwrap_or_default().trim();
        word(name) == named || name.rsplit('.').next().is_some_and(|last| word(last) == named)
    });
    let mut versions = manifest_versions(archive).peekable();
    !named.is_empty() && is_named && versions.peek().is_some() && versions.all(|stated| !is_same_release(stated, &version))
}

/// Returns whether two texts may be one version: bundles have three numbers where Maven has two, specifications and builds fewer or more than both.
fn is_same_release(left: &str, right: &str) -> bool {
    let numbers = |text: &str| -> Vec<String> {
        let text = text.trim_start_matches('v');
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
        let mut numbers: Vec<String> = text[..end].split('.').map(|number| number.trim_start_matches('0').to_owned()).collect();
        while numbers.last().is_some_and(String::is_empty) {
            numbers.pop();
        }
        numbers
    };
    let (left, right) = (numbers(left), numbers(right));
    left.starts_with(&right) || right.starts_with(&left)
}

/// How well a project fits an archive's name and manifest; zero when nothing speaks for it.
fn score(pom: &Pom, archive: &Archive, stem: &str) -> u8 {
    let coordinates = pom.coordinates();
    let Some(artifact) = coordinates.artifact.as_deref() else { return 0 };
    let group = coordinates.group.as_deref().unwrap_or_default();
    let symbolic = archive.manifest.get("bundle-symbolicname").map(|name| name.split(';').next().unwrap_or_default().trim());
    let title = archive.manifest.get("implementation-title").map(String::as_str);
    let after = |prefix: &str| stem.strip_prefix(prefix);
    let is_versioned = |rest: &str| {
        let rest = rest.strip_prefix(['-', '_', '.']);
        rest.is_some_and(|rest| coordinates.version.as_deref().is_some_and(|version| rest.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))))
    };
    let full_names = [format!("{group}.{artifact}"), format!("{group}-{artifact}")];
    if full_names.iter().any(|name| after(name).is_some_and(|rest| rest.is_empty() || is_versioned(rest))) {
        return 6;
    }
    let by_group = u8::from(symbolic.is_some_and(|symbolic| symbolic.starts_with(group) && !group.is_empty()));
    match after(artifact) {
        Some(rest) if is_versioned(rest) => return 4 + by_group,
        Some("") => return 3,
        Some(rest) if rest.starts_with(['-', '_']) && rest[1..].starts_with(|character: char| character.is_ascii_digit() || character == 'v') => return 2,
        _ => {}
    }
    let is_symbolic = symbolic.is_some_and(|symbolic| symbolic == artifact || maven_groups::of_symbolic_name(symbolic, artifact).as_deref() == Some(group));
    u8::from(is_symbolic || title.is_some_and(|title| title == artifact || title == format!("{group}:{artifact}")))
}

/// Returns what follows the version in a file name: `linux-x86_64`, `sources`.
fn classifier(stem: &str, artifact: &str, version: &str) -> Option<String> {
    let rest = stem.strip_prefix(artifact)?.strip_prefix('-')?.strip_prefix(version)?.strip_prefix('-')?;
    (!rest.is_empty()).then(|| rest.to_owned())
}

fn manifest_version(archive: &Archive) -> Option<&str> {
    manifest_versions(archive).next()
}

/// Returns the versions that a manifest states, the one that says most first.
fn manifest_versions(archive: &Archive) -> impl Iterator<Item = &str> {
    ["implementation-version", "bundle-version", "specification-version"].iter().filter_map(|name| {
        let version = archive.manifest.get(*name)?.split_whitespace().next()?;
        version.starts_with(|character: char| character.is_ascii_digit() || character == 'v').then_some(version)
    })
}

/// Splits a file name into artifact and version.
fn split(stem: &str, archive: &Archive) -> (String, Option<String>) {
    for name in ["implementation-version", "bundle-version", "specification-version"] {
        let artifact = archive.manifest.get(name).and_then(|version| stem.strip_suffix(version.as_str())?.strip_suffix(['-', '_']));
        if let Some(artifact) = artifact.filter(|artifact| !artifact.is_empty()) {
            return (artifact.to_owned(), Some(stem[artifact.len() + 1..].to_owned()));
        }
    }
    let candidates = stem.match_indices('-').filter(|(at, _)| *at > 0 && is_version(&stem[at + 1..]));
    let bundles = stem.match_indices('_').filter(|(at, _)| *at > 0 && stem[..*at].contains('.') && is_version(&stem[at + 1..]) && stem[at + 1..].contains('.'));
    match candidates.chain(bundles).next() {
        Some((at, _)) => (stem[..at].to_owned(), Some(stem[at + 1..].to_owned())),
        None => (stem.to_owned(), None),
    }
}

/// Whether all of a text can be a version: it begins with a number, and after a word that is no qualifier comes no other number with a point
/// (`1.2-api-2.17.1` is not the version of `log4j`).
fn is_version(text: &str) -> bool {
    const QUALIFIERS: &[&str] = &[
        "alpha", "android", "b", "beta", "build", "cr", "dev", "ea", "final", "ga", "incubating", "jdk", "jre", "m", "milestone", "p", "pre", "preview", "r",
        "rc", "release", "rev", "snapshot", "sp", "v", "java",
    ];
    let digits = text.strip_prefix(['v', 'r']).unwrap_or(text);
    if !digits.starts_with(|character: char| character.is_ascii_digit()) {
        return false;
    }
    let mut has_other_word = false;
    for part in text.split('-').skip(1) {
        let word: String = part.chars().take_while(char::is_ascii_alphabetic).collect();
        if word.is_empty() {
            if has_other_word && part.contains('.') {
                return false;
            }
        } else if !QUALIFIERS.contains(&word.to_ascii_lowercase().as_str()) {
            has_other_word = true;
        }
    }
    true
}

/// Finds the group of an archive that has no Maven project of its own, from evidence only; `None` is better than a wrong one.
fn group(archive: &Archive, artifact: &str, version: Option<&str>, asked: &HashMap<String, BTreeSet<String>>) -> Option<(String, &'static str)> {
    if let Some(group) = known_group(archive, artifact, version) {
        return Some((group.to_owned(), "well-known"));
    }
    if let Some(groups) = asked.get(artifact)
        && let [group] = groups.iter().collect::<Vec<_>>().as_slice()
        && maven_groups::may_be(group, artifact, &archive.packages)
    {
        return Some(((*group).clone(), "dependents"));
    }
    let symbolic = attribute(archive, "bundle-symbolicname");
    if let Some(group) = symbolic.and_then(|name| maven_groups::of_bundle(name, artifact, &archive.packages)) {
        return Some((group, "Bundle-SymbolicName"));
    }
    // What others state as their vendor is that of all they make: Velocity's is `org.apache`.
    let (vendor, title) = (attribute(archive, "implementation-vendor-id")?, attribute(archive, "implementation-title")?);
    let group = maven_groups::of_sbt(vendor, title, artifact)?;
    Some((group.to_owned(), "Implementation-Vendor-Id"))
}

/// Returns the group of a well-known artifact, if the archive has what proves that it is one.
fn known_group(archive: &Archive, artifact: &str, version: Option<&str>) -> Option<&'static str> {
    let names = || {
        let stated = ["automatic-module-name", "bundle-symbolicname"].into_iter().filter_map(|name| attribute(archive, name));
        stated.chain(archive.packages.iter().map(String::as_str))
    };
    let begins = |name: &str, prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']));
    maven_groups::of_known_artifact(artifact, version, &|prefix| names().any(|name| begins(name, prefix)))
}

/// Returns an attribute of the manifest without its parameters.
fn attribute<'a>(archive: &'a Archive, name: &str) -> Option<&'a str> {
    archive.manifest.get(name).map(|value| value.split(';').next().unwrap_or_default().trim())
}

/// Reads the header `Bundle-License`: a list of names or addresses with attributes, or, as many write it, a plain name.
fn bundle_licenses(text: &str) -> Vec<License> {
    let is_list = text.contains("://") || text.contains(';');
    let texts: Vec<&str> = if is_list { text.split(',').collect() } else { vec![text] };
    texts.into_iter().filter_map(|text| license(text.split(';').next().unwrap_or_default().trim().trim_matches('"'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extractors::zip::samples::zip;
    use crate::testing::{catalog, render};

    /// Hashes depend on how the test's archives are packed; what they are is no matter here.
    fn check(files: &[(&str, &[u8])]) -> String {
        let mut inventory = catalog(&CATALOGER, files);
        inventory.components.iter_mut().for_each(|component| component.hashes.clear());
        render(&inventory)
    }

    fn properties(group: &str, artifact: &str, version: &str) -> Vec<u8> {
        format!("groupId={group}\nartifactId={artifact}\nversion={version}\n").into_bytes()
    }

    fn artifact<'a>(handle: Handle, name: &str, project: Option<&'a Project>) -> Artifact<'a> {
        Artifact { handle, group: Some("g".to_owned()), name: name.to_owned(), project, is_application: false }
    }

    #[test]
    fn needs_end_at_the_limit() {
        let handle = Findings::default().add(Component::new(PackageType::JavaArchive, "a", NAME, Technique::Archive));
        let dependency = |name: &str| crate::extractors::maven::Dependency {
            target: Coordinates { group: Some("g".to_owned()), artifact: Some(name.to_owned()), version: None },
            ..Default::default()
        };
        // A thousand archives of one name, each of which is needed in a thousand ways, and single ones.
        for (single, kept, is_cut) in [(0, NEEDS_MAX - 1, false), (1, NEEDS_MAX, false), (2, NEEDS_MAX, true)] {
            let dependencies = std::iter::repeat_with(|| dependency("many")).take(999);
            let others = std::iter::repeat_with(|| dependency("single")).take(999 + single);
            let project = Project { dependencies: dependencies.chain(others).collect(), ..Project::default() };
            let mut artifacts = vec![artifact(handle, "from", Some(&project)), artifact(handle, "single", None)];
            artifacts.extend(std::iter::repeat_with(|| artifact(handle, "many", None)).take(1000));
            let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
            for (at, artifact) in artifacts.iter().enumerate() {
                by_name.entry(&artifact.name).or_default().push(at);
            }
            let needs = needs(&artifacts, &by_name);
            assert_eq!((needs.list.len(), needs.is_cut), (kept, is_cut), "{single}");
        }
    }

    #[test]
    fn archives_are_known_by_their_endings() {
        let archive = zip(false, &[("META-INF/maven/g/a/pom.properties", &properties("g", "a", "1"))]);
        let endings = ["jar", "war", "ear", "par", "sar", "nar", "jpi", "hpi", "kar", "lpkg", "rar", "zap", "far"];
        for ending in endings {
            let outer = zip(false, &[(&*format!("inner.{ending}"), &archive)]);
            for (path, bytes) in [(format!("/a.{ending}"), &archive), ("/outer.jar".to_owned(), &outer)] {
                let text = check(&[(&path, bytes)]);
                assert!(text.contains("pkg:maven/g/a@1 "), "{path} {ending} {text}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_reported() {
        let inner: [(&str, &[u8]); 1] = [("lib/broken.jar", b"text")];
        insta::assert_snapshot!(check(&[("/a.jar", b"text"), ("/b.war", &zip(false, &inner)), ("/c.rar", b"Rar!")]), @r"
        java-archive b at /b.war
        unknown /a.jar: not a zip archive, or one that is cut off: it has no central directory
        unknown /b.war > lib/broken.jar: not a zip archive, or one that is cut off: it has no central directory
        ");
    }

    #[test]
    fn an_application_with_its_libraries() {
        let pom = b"<project><parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>3.2.5</version></parent>
            <groupId>org.example</groupId><artifactId>app</artifactId><version>${revision}</version><dependencies>
            <dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-web</artifactId></dependency>
            <dependency><groupId>org.example</groupId><artifactId>client</artifactId><version>2.0</version>
              <exclusions><exclusion><groupId>org.excluded</groupId><artifactId>excluded</artifactId></exclusion></exclusions></dependency>
            <dependency><groupId>org.example</groupId><artifactId>maybe</artifactId><version>1</version><optional>true</optional></dependency>
            <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13</version><scope>test</scope></dependency>
            </dependencies></project>";
        let client = b"<project><groupId>org.example</groupId><artifactId>client</artifactId><version>2.0</version><licenses><license><name>MIT</name></license></licenses>
            <dependencies><dependency><groupId>org.example</groupId><artifactId>maybe</artifactId><version>1</version><optional>true</optional></dependency>
            <dependency><groupId>org.example</groupId><artifactId>util</artifactId><version>0.9</version></dependency>
            <dependency><groupId>org.excluded</groupId><artifactId>excluded</artifactId><version>1</version></dependency>
            <dependency><groupId>org.elsewhere</groupId><artifactId>spring-core</artifactId><version>1</version></dependency>
            <dependency><groupId>org.absent</groupId><artifactId>absent</artifactId><version>1</version></dependency></dependencies></project>";
        let jar = |group: &str, artifact: &str, version: &str| {
            zip(false, &[(&format!("META-INF/maven/{group}/{artifact}/pom.properties"), &properties(group, artifact, version)), ("a/B.class", b"")])
        };
        let spring = zip(false, &[("META-INF/MANIFEST.MF", b"Implementation-Title: spring-core\nImplementation-Version: 6.1.6\nAutomatic-Module-Name: spring.core\n"), ("org/springframework/core/A.class", b"")]);
        let starter = zip(false, &[("META-INF/MANIFEST.MF", b"Automatic-Module-Name: spring.boot.starter.web\nImplementation-Version: 3.2.5\n")]);
        let client = zip(false, &[("META-INF/maven/org.example/client/pom.xml", client), ("META-INF/maven/org.example/client/pom.properties", &properties("org.example", "client", "2.0"))]);
        let app = zip(true, &[
            ("META-INF/MANIFEST.MF", b"Implementation-Title: app\nImplementation-Version: 1.4.2\n"),
            ("META-INF/maven/org.example/app/pom.xml", pom),
            ("META-INF/maven/org.example/app/pom.properties", &properties("org.example", "app", "1.4.2")),
            ("BOOT-INF/classes/org/example/Main.class", b""),
            ("BOOT-INF/lib/spring-core-6.1.6.jar", &spring),
            ("BOOT-INF/lib/spring-boot-starter-web-3.2.5.jar", &starter),
            ("BOOT-INF/lib/client-2.0.jar", &client),
            ("BOOT-INF/lib/maybe-1.jar", &jar("org.example", "maybe", "1")),
            ("BOOT-INF/lib/util-0.9.jar", &jar("org.example", "util", "0.9")),
            ("BOOT-INF/lib/excluded-1.jar", &jar("org.excluded", "excluded", "1")),
            ("BOOT-INF/lib/unknown.jar", &zip(false, &[("x.txt", b"")])),
        ]);
        insta::assert_snapshot!(check(&[("/app/app.jar", &app)]), @r#"
        java-archive app@1.4.2 pkg:maven/org.example/app@1.4.2 direct at /app/app.jar
        java-archive client@2.0 pkg:maven/org.example/client@2.0 direct no-code license="MIT" at /app/app.jar > BOOT-INF/lib/client-2.0.jar
        java-archive excluded@1 pkg:maven/org.excluded/excluded@1 transitive at /app/app.jar > BOOT-INF/lib/excluded-1.jar
        java-archive maybe@1 pkg:maven/org.example/maybe@1 direct at /app/app.jar > BOOT-INF/lib/maybe-1.jar
        java-archive spring-boot-starter-web@3.2.5 pkg:maven/org.springframework.boot/spring-boot-starter-web@3.2.5 direct no-code java:group-source="well-known" at /app/app.jar > BOOT-INF/lib/spring-boot-starter-web-3.2.5.jar
        java-archive spring-core@6.1.6 pkg:maven/org.springframework/spring-core@6.1.6 transitive java:group-source="well-known" at /app/app.jar > BOOT-INF/lib/spring-core-6.1.6.jar
        java-archive unknown transitive at /app/app.jar > BOOT-INF/lib/unknown.jar
        java-archive util@0.9 pkg:maven/org.example/util@0.9 transitive at /app/app.jar > BOOT-INF/lib/util-0.9.jar
        root -> app@1.4.2
        app@1.4.2 -> client@2.0
        app@1.4.2 -contains-> client@2.0
        app@1.4.2 -contains-> excluded@1
        app@1.4.2 -optional-> maybe@1
        app@1.4.2 -contains-> maybe@1
        app@1.4.2 -> spring-boot-starter-web@3.2.5
        app@1.4.2 -contains-> spring-boot-starter-web@3.2.5
        app@1.4.2 -contains-> spring-core@6.1.6
        app@1.4.2 -contains-> unknown
        app@1.4.2 -contains-> util@0.9
        client@2.0 -> util@0.9
        "#);
    }

    #[test]
    fn several_projects_in_one_archive() {
        let shaded = |name: &str| -> String {
            let root = b"<project><groupId>org.example</groupId><artifactId>tool</artifactId><version>1.0</version><dependencies>
                <dependency><groupId>com.google.guava</groupId><artifactId>guava</artifactId><version>31</version></dependency></dependencies></project>";
            let archive = zip(false, &[
                ("META-INF/maven/org.example/tool/pom.xml", root),
                ("META-INF/maven/com.google.guava/guava/pom.properties", &properties("com.google.guava", "guava", "31")),
                ("META-INF/maven/org.gone/gone/pom.properties", &properties("org.gone", "gone", "5")),
                ("org/example/tool/Main.class", b""),
                ("org/example/shaded/com/google/common/A.class", b""),
            ]);
            check(&[(name, &archive)])
        };
        // By the file's name, and by what needs what when the name says nothing.
        insta::assert_snapshot!(shaded("/tool-1.0.jar"), @r#"
        java-archive gone@5 pkg:maven/org.gone/gone@5 at /tool-1.0.jar > META-INF/maven/org.gone/gone/pom.properties
        java-archive guava@31 pkg:maven/com.google.guava/guava@31 java:shaded="true" at /tool-1.0.jar > META-INF/maven/com.google.guava/guava/pom.properties
        java-archive tool@1.0 pkg:maven/org.example/tool@1.0 at /tool-1.0.jar
        tool@1.0 -contains-> gone@5
        tool@1.0 -> guava@31
        tool@1.0 -contains-> guava@31
        "#);
        assert_eq!(shaded("/x/all.jar").replace("/x/all.jar", "/tool-1.0.jar"), shaded("/tool-1.0.jar"));
        // A name with a version of its own is another archive's.
        insta::assert_snapshot!(check(&[("/other-2.0.jar", &zip(false, &[("META-INF/maven/g/a/pom.properties", &properties("org.example", "a", "1"))]))]), @r"
        java-archive a@1 pkg:maven/org.example/a@1 at /other-2.0.jar > META-INF/maven/g/a/pom.properties
        java-archive other@2.0 no-code at /other-2.0.jar
        other@2.0 -contains-> a@1
        ");
    }

    #[test]
    fn archives_without_a_project() {
        let cases: &[(&str, &str, &str)] = &[
            ("asm-3.3.1", "Implementation-Title: ASM", "org/objectweb/asm"),
            ("asm-9.6", "Bundle-SymbolicName: org.objectweb.asm", "org/objectweb/asm"),
            ("caffeine-2.8.8", "Bundle-SymbolicName: com.github.ben-manes.caffeine", "com/github/benmanes/caffeine"),
            ("commons-digester-1.8", "Implementation-Vendor-Id: org.apache", "org/apache/commons/digester"),
            ("commons-digester-1.6", "Specification-Title: x", "org/apache/commons/net"),
            ("dom4j-1.1", "Extension-Name: org.dom4j", "org/dom4j/io"),
            ("jna-5.13.0", "Bundle-SymbolicName: com.sun.jna", "com/sun/jna/ptr"),
            ("junit-4.13.2", "Implementation-Vendor-Id: junit", "org/junit/runner"),
            ("log4j-1.2.12", "Implementation-Title: log4j", "org/apache/log4j/config"),
            ("log4j-1.2.17", "Implementation-Title: log4j", "org/example/log"),
            ("unknown-1.0", "Implementation-Vendor-Id: org.apache\nBundle-SymbolicName: org.example.unknown", "org/example/unknown"),
            ("velocity-1.7", "Implementation-Vendor-Id: org.apache\nBundle-SymbolicName: org.apache.velocity", "org/apache/velocity/app"),
            ("akka-actor_2.13-2.6.20", "Implementation-Title: akka-actor\nImplementation-Vendor-Id: com.typesafe.akka", "akka/actor"),
        ];
        let archives = cases.iter().map(|(stem, manifest, package)| {
            let members = [("META-INF/MANIFEST.MF", format!("{manifest}\n")), (&*format!("{package}/A.class"), String::new())];
            let members = members.iter().map(|(name, text)| (*name, text.as_bytes())).collect::<Vec<_>>();
            (format!("/lib/{stem}.jar"), zip(false, &members))
        });
        let archives: Vec<(String, Vec<u8>)> = archives.collect();
        let files: Vec<(&str, &[u8])> = archives.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        insta::assert_snapshot!(check(&files), @r#"
        java-archive akka-actor_2.13@2.6.20 pkg:maven/com.typesafe.akka/akka-actor_2.13@2.6.20 java:group-source="Implementation-Vendor-Id" at /lib/akka-actor_2.13-2.6.20.jar
        java-archive asm@3.3.1 pkg:maven/asm/asm@3.3.1 java:group-source="well-known" at /lib/asm-3.3.1.jar
        java-archive asm@9.6 pkg:maven/org.ow2.asm/asm@9.6 java:group-source="well-known" at /lib/asm-9.6.jar
        java-archive caffeine@2.8.8 pkg:maven/com.github.ben-manes.caffeine/caffeine@2.8.8 java:group-source="well-known" at /lib/caffeine-2.8.8.jar
        java-archive commons-digester@1.6 at /lib/commons-digester-1.6.jar
        java-archive commons-digester@1.8 pkg:maven/commons-digester/commons-digester@1.8 java:group-source="well-known" at /lib/commons-digester-1.8.jar
        java-archive dom4j@1.1 pkg:maven/dom4j/dom4j@1.1 java:group-source="well-known" at /lib/dom4j-1.1.jar
        java-archive jna@5.13.0 pkg:maven/net.java.dev.jna/jna@5.13.0 java:group-source="well-known" at /lib/jna-5.13.0.jar
        java-archive junit@4.13.2 pkg:maven/junit/junit@4.13.2 java:group-source="well-known" at /lib/junit-4.13.2.jar
        java-archive log4j@1.2.12 pkg:maven/log4j/log4j@1.2.12 java:group-source="well-known" at /lib/log4j-1.2.12.jar
        java-archive log4j@1.2.17 at /lib/log4j-1.2.17.jar
        java-archive unknown@1.0 at /lib/unknown-1.0.jar
        java-archive velocity@1.7 pkg:maven/org.apache.velocity/velocity@1.7 java:group-source="well-known" at /lib/velocity-1.7.jar
        "#);
    }

    #[test]
    fn an_archive_is_what_its_manifest_and_its_name_say() {
        let shading = |manifest: &str| {
            let commons_io = properties("commons-io", "commons-io", "2.4");
            zip(false, &[
                ("META-INF/MANIFEST.MF", manifest.as_bytes()),
                ("META-INF/maven/commons-io/commons-io/pom.properties", &commons_io),
                ("com/acme/pay/A.class", b""),
                ("org/apache/commons/io/B.class", b""),
            ])
        };
        let payment = shading("Implementation-Title: payment\nImplementation-Version: 1.0\n");
        insta::assert_snapshot!(check(&[("/app/payment.jar", &payment)]), @r#"
        java-archive commons-io@2.4 pkg:maven/commons-io/commons-io@2.4 java:shaded="true" at /app/payment.jar > META-INF/maven/commons-io/commons-io/pom.properties
        java-archive payment@1.0 at /app/payment.jar
        payment@1.0 -contains-> commons-io@2.4
        "#);
        let is_contained = |path: &str, manifest: &str| check(&[(path, &shading(manifest))]).contains("-contains->");
        // The file's name is one that the manifest has, in any of its forms, and no version that it states is the project's.
        for (manifest, expected) in [
            ("Bundle-Name: Pay-Ment\nBundle-Version: 4.1.60.Final\n", true),
            ("Bundle-SymbolicName: com.acme.payment;singleton:=true\nBundle-Version: 1.0.0\n", true),
            ("Automatic-Module-Name: payment\nSpecification-Version: 12\n", true),
            ("Implementation-Title: payment\n", false),
            ("Implementation-Title: payment\nImplementation-Version: none\n", false),
            ("Implementation-Version: 1.0\n", false),
            ("Implementation-Title: other\nImplementation-Version: 1.0\n", false),
            ("Implementation-Title: payment\nImplementation-Version: 2.4\n", false),
            ("Implementation-Title: payment\nImplementation-Version: v2.4.0-b17\n", false),
            ("Implementation-Title: payment\nImplementation-Version: 2.4.0.20240101\n", false),
            ("Implementation-Title: payment\nImplementation-Version: 1.0\nBundle-Version: 2.4.0\n", false),
            ("Implementation-Title: payment\nImplementation-Version: 1.0\nSpecification-Version: 2\n", false),
        ] {
            assert_eq!(is_contained("/payment.jar", manifest), expected, "{manifest}");
        }
        assert!(!is_contained("/app.jar", "Implementation-Title: payment\nImplementation-Version: 1.0\n"));
        assert!(!is_contained("/.jar", "Implementation-Title: -\nImplementation-Version: 1.0\n"));
        // Of several, one that needs the others is not the archive either.
        let needing = b"<project><groupId>org.http</groupId><artifactId>client</artifactId><version>4.5</version><dependencies><dependency><groupId>org.http</groupId><artifactId>core</artifactId><version>4.4</version></dependency></dependencies></project>";
        let several = zip(false, &[
            ("META-INF/MANIFEST.MF", b"Implementation-Title: payment\nImplementation-Version: 1.0\n"),
            ("META-INF/maven/org.http/client/pom.xml", needing),
            ("META-INF/maven/org.http/core/pom.properties", &properties("org.http", "core", "4.4")),
            ("org/http/A.class", b""),
        ]);
        insta::assert_snapshot!(check(&[("/payment.jar", &several)]), @r#"
        java-archive client@4.5 pkg:maven/org.http/client@4.5 java:shaded="true" at /payment.jar > META-INF/maven/org.http/client/pom.xml
        java-archive core@4.4 pkg:maven/org.http/core@4.4 java:shaded="true" at /payment.jar > META-INF/maven/org.http/core/pom.properties
        java-archive payment@1.0 at /payment.jar
        client@4.5 -> core@4.4
        payment@1.0 -contains-> client@4.5
        payment@1.0 -contains-> core@4.4
        "#);
    }

    #[test]
    fn a_well_known_archive_is_not_the_one_project_in_it() {
        let module = properties("org.ehcache.modules", "ehcache-107", "3.10.8");
        let archive = zip(false, &[("META-INF/maven/org.ehcache.modules/ehcache-107/pom.properties", &module), ("org/ehcache/config/A.class", b"")]);
        insta::assert_snapshot!(check(&[("/ehcache-3.10.8.jar", &archive)]), @r#"
        java-archive ehcache@3.10.8 pkg:maven/org.ehcache/ehcache@3.10.8 java:group-source="well-known" at /ehcache-3.10.8.jar
        java-archive ehcache-107@3.10.8 pkg:maven/org.ehcache.modules/ehcache-107@3.10.8 java:shaded="true" at /ehcache-3.10.8.jar > META-INF/maven/org.ehcache.modules/ehcache-107/pom.properties
        ehcache@3.10.8 -contains-> ehcache-107@3.10.8
        "#);
    }

    #[test]
    fn plugins_of_jenkins() {
        let plugin = |name: &str, dependencies: &str| {
            zip(false, &[("META-INF/MANIFEST.MF", format!("Group-Id: org.jenkins-ci.plugins\nShort-Name: {name}\nPlugin-Version: 2.11\n{dependencies}\n").as_bytes())])
        };
        let git = plugin("git", "Plugin-Dependencies: git-client:3.0,ssh:1.2;resolution:=optional,absent:1");
        insta::assert_snapshot!(check(&[("/p/git.jpi", &git), ("/p/git-client.jpi", &plugin("git-client", "")), ("/p/ssh.hpi", &plugin("ssh", "")), ("/q/ssh.hpi", &plugin("ssh", ""))]), @r"
        jenkins-plugin git@2.11 pkg:maven/org.jenkins-ci.plugins/git@2.11 no-code at /p/git.jpi
        jenkins-plugin git-client@2.11 pkg:maven/org.jenkins-ci.plugins/git-client@2.11 no-code at /p/git-client.jpi
        jenkins-plugin ssh@2.11 pkg:maven/org.jenkins-ci.plugins/ssh@2.11 no-code at /p/ssh.hpi at /q/ssh.hpi
        git@2.11 -> git-client@2.11
        git@2.11 -optional-> ssh@2.11
        ");
    }

    #[test]
    fn names_and_versions_of_files() {
        let none = Archive::default();
        let cases = [
            ("log4j-1.2-api-2.17.1", "log4j-1.2-api", Some("2.17.1")),
            ("guava-31.1-jre", "guava", Some("31.1-jre")),
            ("jcl-over-slf4j-1.7.36", "jcl-over-slf4j", Some("1.7.36")),
            ("app-1.0-20240101.120000-1", "app", Some("1.0-20240101.120000-1")),
            ("netty-tcnative-2.0.1.Final-linux-x86_64", "netty-tcnative", Some("2.0.1.Final-linux-x86_64")),
            ("org.eclipse.core.runtime_3.7.0.v20110110", "org.eclipse.core.runtime", Some("3.7.0.v20110110")),
            ("akka-actor_2.13-2.6.20", "akka-actor_2.13", Some("2.6.20")),
            ("guava-r09", "guava", Some("r09")),
            ("h2", "h2", None),
            ("-1.0", "-1.0", None),
            ("", "", None),
        ];
        for (stem, artifact, version) in cases {
            assert_eq!(split(stem, &none), (artifact.to_owned(), version.map(str::to_owned)), "{stem}");
        }
    }

    #[test]
    fn licences_in_bundle_headers() {
        let texts = |text: &str| bundle_licenses(text).iter().map(|license| license.text().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts("https://www.apache.org/licenses/LICENSE-2.0.txt, http://opensource.org/licenses/MIT;description=x"), ["Apache-2.0", "MIT"]);
        assert_eq!(texts("\"Apache-2.0\";link=\"https://example.org\""), ["Apache-2.0"]);
        assert_eq!(texts("Our own words, in two parts"), ["Our own words, in two parts"]);
    }
}
