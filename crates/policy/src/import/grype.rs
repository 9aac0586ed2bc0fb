//! Grype's configuration: the rules below `ignore` (Grype's README, "Specifying matches to ignore"). All conditions of a rule must hold; a
//! rule with a condition that has no counterpart is left out.

use component::{PackageType, Purl};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Importer, Rule, paths};
use crate::{ReadError, yaml};

/// Of a configuration only the rules; whatever else it holds is no matter of ours.
#[derive(Deserialize)]
struct Stated {
    #[serde(default)]
    ignore: Vec<Spanned<StatedRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StatedRule {
    #[serde(default)]
    vulnerability: String,
    #[serde(default, rename = "include-aliases")]
    _include_aliases: bool,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    fix_state: String,
    #[serde(default)]
    package: Package,
    #[serde(default)]
    vex_status: String,
    #[serde(default)]
    vex_justification: String,
    #[serde(default)]
    match_type: String,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Package {
    name: String,
    version: String,
    language: String,
    #[serde(rename = "type")]
    ty: String,
    location: String,
    upstream_name: String,
}

pub(super) fn read(text: &str, importer: &mut Importer<'_>) -> Result<(), ReadError> {
    let stated: Stated = yaml::read(text)?;
    for rule in &stated.ignore {
        let line = rule.referenced.line();
        let rule = &rule.value;
        let label = label(rule);
        match translate(rule, line, &label, importer) {
            Ok(translated) => importer.add(&translated)?,
            Err(why) => importer.left_out(line, &label, why),
        }
    }
    Ok(())
}

fn label(rule: &StatedRule) -> String {
    let parts = [&rule.vulnerability, &rule.package.name, &rule.package.ty, &rule.namespace, &rule.fix_state];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).map(|part| &**part).collect();
    if parts.is_empty() { "a rule".to_owned() } else { parts.join(" ") }
}

fn translate(rule: &StatedRule, line: u64, label: &str, importer: &mut Importer<'_>) -> Result<Rule, String> {
    let conditions = [
        (&rule.namespace, "namespace"),
        (&rule.vex_status, "vex-status"),
        (&rule.vex_justification, "vex-justification"),
        (&rule.match_type, "match-type"),
        (&rule.package.upstream_name, "package.upstream-name"),
    ];
    if let Some((_, name)) = conditions.into_iter().find(|(value, _)| !value.is_empty()) {
        return Err(format!("the condition `{name}` has no counterpart"));
    }
    if rule.vulnerability.contains(['*', '?']) {
        return Err(format!("`{}` is no name of a vulnerability", rule.vulnerability));
    }
    let only_without_fix = match rule.fix_state.as_str() {
        "" => false,
        "not-fixed" | "wont-fix" => true,
        other => return Err(format!("the fix state `{other}` has no counterpart")),
    };
    let package = &rule.package;
    let location = package.location.trim();
    let paths = if location.is_empty() {
        Vec::new()
    } else {
        paths::translate(location).ok_or_else(|| format!("the location `{location}` has no counterpart"))?
    };
    let purls = purls(package)?;
    if rule.vulnerability.trim().is_empty() && purls.is_empty() && paths.is_empty() {
        return Err("it would cover every vulnerability of every package".to_owned());
    }
    if only_without_fix {
        let what = format!("`{}` became `only-without-fix`: whatever has no fix", rule.fix_state);
        importer.changed(line, label, what);
    }
    let (vulnerability, reason) = (rule.vulnerability.trim().to_owned(), rule.reason.clone());
    Ok(Rule { line, vulnerability, purls, paths, reason, expires: None, only_without_fix })
}

/// Returns the patterns of the packages that a rule means; none where it means all.
fn purls(package: &Package) -> Result<Vec<String>, String> {
    let Package { name, version, language, ty, .. } = package;
    let mut types: Vec<&str> = Vec::new();
    if !ty.is_empty() {
        let known: PackageType = ty.parse().map_err(|_| format!("the package type `{ty}` is not known here"))?;
        types.push(known.purl_type());
    }
    if !language.is_empty() {
        let of_language =
            PackageType::ALL.iter().filter(|one| one.language() == Some(&**language)).map(|one| one.purl_type());
        let mut of_language: Vec<&str> = of_language.collect();
        of_language.dedup();
        if of_language.is_empty() {
            return Err(format!("the language `{language}` is not known here"));
        }
        if types.is_empty() {
            types = of_language;
        } else if !of_language.contains(&types[0]) {
            return Err(format!("no package of type `{ty}` is of language `{language}`"));
        }
    }
    if name.is_empty() && version.is_empty() && types.is_empty() {
        return Ok(Vec::new());
    }
    if types.is_empty() {
        types = std::iter::once("*").chain(WITHOUT_NAMESPACE).collect();
    }
    let pattern = name_pattern(name)?;
    let version = if version.is_empty() { String::new() } else { format!("@{}", encode(version)?) };
    let mut patterns = Vec::new();
    for ty in types {
        patterns.push(format!("pkg:{ty}/{pattern}{version}"));
        if WITHOUT_NAMESPACE.contains(&ty) && !name.is_empty() {
            patterns.push(format!("pkg:{ty}/**/{pattern}{version}"));
        }
    }
    Ok(patterns)
}

/// The types whose packages Grype knows by their names alone: their purls have a namespace before it.
const WITHOUT_NAMESPACE: [&str; 4] = ["apk", "deb", "maven", "rpm"];

/// A name is a regular expression of the whole name; of those, `.*` alone has a counterpart.
fn name_pattern(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Ok("**".to_owned());
    }
    let plain = name.trim_start_matches('^').trim_end_matches('$');
    let mut parts = Vec::new();
    for part in plain.split(".*") {
        let part = part.replace("\\.", ".");
        if part.contains(['\\', '^', '$', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|']) {
            return Err(format!("the name `{name}` is an expression without a counterpart"));
        }
        parts.push(encode(&part)?);
    }
    let pattern = parts.join("*");
    // A purl has nothing empty between slashes, so that the pattern would match none, or as a purl mean another package.
    if pattern.split('/').any(str::is_empty) {
        return Err(format!("no purl has the name `{name}`: it would match nothing here"));
    }
    Ok(pattern)
}

/// Writes a name or a version as purls have it.
fn encode(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let encode = |part: &str| {
        let purl = Purl::builder("generic", "n").version(part).build().map_err(|error| error.to_string())?;
        let written = purl.to_string();
        Ok(written.split_once('@').map_or(String::new(), |(_, version)| version.to_owned()))
    };
    text.split('/').map(encode).collect::<Result<Vec<_>, String>>().map(|parts| parts.join("/"))
}
