//! What workflows and composite actions of GitHub use: other actions, reusable workflows, images.
//!
//! Follows GitHub's documentation, "Workflow syntax for GitHub Actions" and "Metadata syntax for GitHub Actions". A purl type for actions is not registered; the
//! one here is that of OSV, whose advisories go by `owner/repository`.

use std::collections::BTreeMap;

use component::{Component, PackageType, Purl, Scope, Technique};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, TOO_MANY, Versions};
use crate::ecosystems::documents::{Entries, List, Text, document};
use crate::ecosystems::identity::{Finder, is_word};
use crate::ecosystems::manifests::{self, WANTS_MAX};
use crate::ecosystems::yaml;
use crate::view::{File, View};

const BYTES_MAX: u64 = 4 << 20;

/// What workflows use.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "github-actions",
    summary: "what workflows of GitHub and composite actions use",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/.github/workflows/*.{yml,yaml}"), keep: Keep::Bytes { limit_bytes: BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/action.{yml,yaml}"), keep: Keep::Bytes { limit_bytes: BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Unknown], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// What stands behind a commit: `uses: owner/repository@COMMIT # v4.1.2`.
const COMMENT: &str = "github-actions:comment";

document! {
    struct Workflow {
        jobs: Option<Entries<Job>> = "jobs",
        runs: Option<Runs> = "runs",
    }
}

document! {
    struct Job {
        uses: Text = "uses",
        steps: Option<List<Step>> = "steps",
    }
}

document! {
    struct Runs {
        image: Text = "image",
        steps: Option<List<Step>> = "steps",
    }
}

document! {
    struct Step {
        uses: Text = "uses",
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for (claim, is_workflow) in [(0, true), (1, false)] {
        // What is in an image is run by nobody, nor what is in a package that was installed.
        let files = view.files(claim).filter(|file| manifests::is_of_project(file.path()) && file.location().layer.is_none());
        for file in files {
            match used(file.bytes(), is_workflow) {
                Ok(used) => report(file, &used, findings),
                Err(refusal) => findings.unknown(file.location(), refusal.0),
            }
        }
    }
}

/// Returns what a workflow or an action uses, as it is written. Other files than actions are called `action.yml` too, and use nothing.
fn used(bytes: &[u8], is_workflow: bool) -> Result<Vec<String>, Refusal> {
    let may_be_it = is_workflow || bytes.windows(5).any(|window| window == b"runs:");
    if !may_be_it {
        return Ok(Vec::new());
    }
    let file: Workflow = yaml::documents(bytes)?.into_iter().next().unwrap_or_default();
    if is_workflow && file.jobs.is_none() {
        return Err(Refusal::new("the workflow has no jobs"));
    }
    let of_steps = |steps: Option<List<Step>>| steps.into_iter().flat_map(|steps| steps.0).filter_map(|step| step.uses.0);
    let jobs = file.jobs.filter(|_| is_workflow).into_iter().flat_map(|jobs| jobs.0.into_entries());
    let of_jobs = jobs.flat_map(|(_, job)| job.uses.0.into_iter().chain(of_steps(job.steps)));
    let of_runs = file.runs.filter(|_| !is_workflow).into_iter().flat_map(|runs| {
        let image = runs.image.0.filter(|image| image.starts_with(IMAGE));
        image.into_iter().chain(of_steps(runs.steps))
    });
    Ok(of_jobs.chain(of_runs).collect())
}

/// What stands before an image of a container.
const IMAGE: &str = "docker://";

fn report(file: File<'_>, used: &[String], findings: &mut Findings) {
    let comments = comments(file.bytes());
    let mut unclear = 0;
    let mut found: BTreeMap<&str, Component> = BTreeMap::new();
    for text in used {
        // What is in the repository itself, and what is used once more.
        if text.starts_with("./") || text.starts_with("../") || found.contains_key(text.as_str()) {
            continue;
        }
        if found.len() >= WANTS_MAX {
            findings.tell(Some(&file.location()), TOO_MANY);
            break;
        }
        match text.strip_prefix(IMAGE).map_or_else(|| action(text), image) {
            Some(component) => {
                found.insert(text, component);
            }
            None => unclear += 1,
        }
    }
    for (text, mut component) in found {
        if let Some(Some(comment)) = comments.get(text) {
            component.properties.insert(COMMENT.into(), (*comment).to_owned());
        }
        component.scope = Scope::Development;
        component.locations.push(file.location());
        let handle = findings.add(component);
        findings.direct(handle, Scope::Development);
    }
    if unclear > 0 {
        let noun = if unclear == 1 { "use" } else { "uses" };
        findings.unknown(file.location(), format!("{unclear} {noun} of what is no action, workflow or image"));
    }
}

/// Reads `owner/repository[/path]@ref`.
fn action(text: &str) -> Option<Component> {
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    let mut parts = name.splitn(3, '/');
    let (owner, repository, path) = (parts.next()?, parts.next()?, parts.next());
    let is_named = [owner, repository].iter().all(|part| is_word(part) && !part.starts_with('.') && !part.contains(':'));
    if !is_named || !is_word(name) || !version.is_none_or(is_word) {
        return None;
    }
    let purl = Purl::builder("githubactions", repository).namespace(owner);
    let purl = purl.version(version.unwrap_or_default()).subpath(path.unwrap_or_default()).build().ok()?;
    let mut component = FINDER.component(PackageType::Unknown, name, version);
    component.purl = Some(purl);
    Some(component)
}

/// Reads `[host/][folder/]name[:tag][@digest]`.
fn image(text: &str) -> Option<Component> {
    let (place, digest) = match text.split_once('@') {
        Some((place, digest)) => (place, Some(digest)),
        None => (text, None),
    };
    let (folder, file) = place.rsplit_once('/').unwrap_or(("", place));
    let (name, tag) = match file.split_once(':') {
        Some((name, tag)) => (name, Some(tag)),
        None => (file, None),
    };
    let version = digest.or(tag);
    if !is_word(name) || !is_word(place) || !version.is_none_or(is_word) {
        return None;
    }
    let (first, rest) = folder.split_once('/').unwrap_or((folder, ""));
    let is_host = first.contains(['.', ':']) || first == "localhost";
    let (host, folder) = if is_host { (first, rest) } else { ("", folder) };
    let purl = Purl::builder("docker", name).namespace(folder).version(version.unwrap_or_default());
    let purl = if host.is_empty() { purl } else { purl.qualifier("repository_url", host) };
    let called = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let mut component = FINDER.component(PackageType::Unknown, &called, version);
    component.purl = Some(purl.build().ok()?);
    Some(component)
}

/// Returns the versions in comments behind commits, by what they are behind: people and tools write there which release a commit is. None where two differ.
fn comments(bytes: &[u8]) -> BTreeMap<&str, Option<&str>> {
    let mut comments: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    for line in text.lines() {
        let line = line.trim_start().trim_start_matches("- ").trim_start();
        let Some((used, comment)) = line.strip_prefix("uses:").and_then(|rest| rest.split_once(" #")) else { continue };
        let used = used.trim().trim_matches(['"', '\'']);
        let word = comment.split_whitespace().next().unwrap_or_default().trim_end_matches([',', ';', '.']);
        let is_version = word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit())
            && word.len() <= VERSION_BYTES_MAX
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte));
        if !is_version || !used.split_once('@').is_some_and(|(_, version)| is_commit(version)) {
            continue;
        }
        comments.entry(used).and_modify(|known| *known = known.filter(|known| *known == word)).or_insert(Some(word));
    }
    comments
}

/// The longest version in a comment.
const VERSION_BYTES_MAX: usize = 64;

fn is_commit(version: &str) -> bool {
    matches!(version.len(), 40 | 64) && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    #[test]
    fn what_workflows_and_actions_use() {
        insta::assert_snapshot!(
            found(&CATALOGER, &[
                ("/.github/workflows/ci.yml", r#"
name: CI
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    container: node:20
    steps:
      - uses: actions/checkout@v4
      - name: again
        uses: actions/checkout@v4
      - uses: "github/codeql-action/init@v3"
      - uses: tj-actions/changed-files@0123456789abcdef0123456789abcdef01234567 # v45.0.1, pinned
      - uses: a/pinned@0123456789abcdef0123456789abcdef01234567 # the good one
      - uses: Azure/Setup-Kubectl@releases/v1
      - uses: docker://alpine:3.8
      - uses: docker://ghcr.io/owner/tools/image@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
      - uses: docker://localhost:5000/x
      - uses: ./.github/actions/own
      - run: "echo uses: a/b@v1"
  no-steps:
    steps:
  call:
    uses: octo-org/another/.github/workflows/shared.yml@v1
  own:
    uses: ./.github/workflows/other.yml
"#),
                ("/.github/workflows/release.yaml", "jobs:\n  a:\n    steps:\n      - uses: actions/checkout@v3\n      - uses: owner/unpinned\n"),
                ("/own/action.yml", "name: own\nruns:\n  using: composite\n  steps:\n    - uses: actions/cache@v4\n    - run: x\n"),
                ("/image/action.yaml", "runs:\n  using: docker\n  image: docker://busybox\n"),
                ("/folder/action.yaml", "runs:\n  using: docker\n  image: Dockerfile\n"),
                ("/other/action.yml", "steps:\n- uses: not/one@v1\n"),
                ("/node_modules/p/.github/workflows/ci.yml", "jobs: {a: {uses: not/own@v1}}"),
                ("/.github/dependabot.yml", "jobs: {a: {uses: not/one@v1}}"),
            ]),
            @r#"
            UnknownPackage Azure/Setup-Kubectl@releases/v1 pkg:githubactions/Azure/Setup-Kubectl@releases%2Fv1 development direct at /.github/workflows/ci.yml
            UnknownPackage a/pinned@0123456789abcdef0123456789abcdef01234567 pkg:githubactions/a/pinned@0123456789abcdef0123456789abcdef01234567 development direct at /.github/workflows/ci.yml
            UnknownPackage actions/cache@v4 pkg:githubactions/actions/cache@v4 development direct at /own/action.yml
            UnknownPackage actions/checkout@v3 pkg:githubactions/actions/checkout@v3 development direct at /.github/workflows/release.yaml
            UnknownPackage actions/checkout@v4 pkg:githubactions/actions/checkout@v4 development direct at /.github/workflows/ci.yml
            UnknownPackage alpine@3.8 pkg:docker/alpine@3.8 development direct at /.github/workflows/ci.yml
            UnknownPackage busybox pkg:docker/busybox development direct at /image/action.yaml
            UnknownPackage github/codeql-action/init@v3 pkg:githubactions/github/codeql-action@v3#init development direct at /.github/workflows/ci.yml
            UnknownPackage octo-org/another/.github/workflows/shared.yml@v1 pkg:githubactions/octo-org/another@v1#.github/workflows/shared.yml development direct at /.github/workflows/ci.yml
            UnknownPackage owner/tools/image@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef pkg:docker/owner/tools/image@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef?repository_url=ghcr.io development direct at /.github/workflows/ci.yml
            UnknownPackage owner/unpinned pkg:githubactions/owner/unpinned development direct at /.github/workflows/release.yaml
            UnknownPackage tj-actions/changed-files@0123456789abcdef0123456789abcdef01234567 pkg:githubactions/tj-actions/changed-files@0123456789abcdef0123456789abcdef01234567 development direct github-actions:comment="v45.0.1" at /.github/workflows/ci.yml
            UnknownPackage x pkg:docker/x?repository_url=localhost:5000 development direct at /.github/workflows/ci.yml
            root -development-> Azure/Setup-Kubectl@releases/v1
            root -development-> a/pinned@0123456789abcdef0123456789abcdef01234567
            root -development-> actions/cache@v4
            root -development-> actions/checkout@v3
            root -development-> actions/checkout@v4
            root -development-> alpine@3.8
            root -development-> busybox
            root -development-> github/codeql-action/init@v3
            root -development-> octo-org/another/.github/workflows/shared.yml@v1
            root -development-> owner/tools/image@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
            root -development-> owner/unpinned
            root -development-> tj-actions/changed-files@0123456789abcdef0123456789abcdef01234567
            root -development-> x
            "#
        );
    }

    #[test]
    fn what_is_no_workflow_is_unknown() {
        insta::assert_snapshot!(
            found(&CATALOGER, &[
                ("/a/.github/workflows/a.yml", "jobs: ["),
                ("/b/.github/workflows/b.yml", "on: push\n"),
                ("/c/.github/workflows/c.yml", "jobs:\n  a:\n    steps: x\n"),
                ("/d/.github/workflows/d.yml", "jobs: {a: {steps: [{uses: one}, {uses: 'a b/c@v1'}, {uses: 'https://example.org/a/b'}, {uses: 'docker://'}, {uses: ''}, {uses: '@v1'}]}}"),
                ("/e/.github/workflows/e.yml", "jobs: {a: {uses: /b@v1}}"),
                ("/f/.github/workflows/f.yml", "jobs: {}"),
                ("/g/action.yml", "runs: ["),
                ("/h/action.yml", "{"),
            ]),
            @r"
            unknown /a/.github/workflows/a.yml: the file is not YAML of the expected form, line 1
            unknown /b/.github/workflows/b.yml: the workflow has no jobs
            unknown /c/.github/workflows/c.yml: the file is not YAML of the expected form, line 3
            unknown /d/.github/workflows/d.yml: 6 uses of what is no action, workflow or image
            unknown /e/.github/workflows/e.yml: 1 use of what is no action, workflow or image
            unknown /g/action.yml: the file is not YAML of the expected form, line 1
            "
        );
    }

    #[test]
    fn comments_that_differ_are_none() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let check = |text: &str, expected: Option<&str>| {
            let found = found(&CATALOGER, &[("/.github/workflows/ci.yml", &format!("jobs:\n  a:\n    steps:\n{text}"))]);
            let comment = found.split_once("comment=\"").and_then(|(_, rest)| rest.split('"').next());
            assert_eq!(comment, expected, "{text}");
        };
        check(&format!("    - uses: a/b@{commit} # v1.2.3\n"), Some("v1.2.3"));
        check(&format!("    - name: b\n      uses: 'a/b@{commit}'  #  1.2.3-rc.1 and more\n"), Some("1.2.3-rc.1"));
        check(&format!("    - uses: a/b@{commit} # v1\n    - uses: a/b@{commit} # v1\n"), Some("v1"));
        check(&format!("    - uses: a/b@{commit} # v1\n    - uses: a/b@{commit} # v2\n"), None);
        check(&format!("    - uses: a/b@{commit} # latest\n"), None);
        check("    - uses: a/b@v1 # v1.2.3\n", None);
        for (len, is_kept) in [(63, true), (64, true), (65, false)] {
            let version = "1".repeat(len);
            check(&format!("    - uses: a/b@{commit} # {version}\n"), is_kept.then_some(&version));
        }
    }

    #[test]
    fn uses_end_at_their_limit() {
        for (count, is_told) in [(WANTS_MAX - 1, false), (WANTS_MAX, false), (WANTS_MAX + 1, true)] {
            let steps: Vec<String> = (0..count).map(|at| format!("{{uses: a/b@v{at}}}")).collect();
            let text = format!("jobs: {{a: {{steps: [{}]}}}}", steps.join(", "));
            let found = found(&CATALOGER, &[("/.github/workflows/ci.yml", &text)]);
            assert_eq!(found.contains(TOO_MANY), is_told, "{count}");
        }
    }
}
