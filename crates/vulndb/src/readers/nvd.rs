//! The National Vulnerability Database, in the JSON of its API 2.0 and of its yearly files
//! (<https://nvd.nist.gov/developers/vulnerabilities>, "CVE API Schema"; for names of products NIST IR 7695, "CPE: Naming").
//!
//! A CVE's configurations say of products, by CPE, which versions are vulnerable. A product becomes a package of
//! [`Family::Cpe`] named `part:vendor:product`, as in `a:openbsd:openssh`. What else a name may say is kept as far as something can
//! be told from it: the software that it is for (`target_sw`), and in a configuration of more than one part the other part, on
//! which it runs. Of more than two parts the first other one is kept: each of them must be there, so that asking for one is true
//! to the record, if less sharp.
//!
//! The first version behind an interval (`versionEndExcluding`) is taken for the one that mends what is wrong, unless the record has it affected itself.
//!
//! A name without a version (`-`) says that versions do not apply, as for hardware: nothing here can be told from that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use component::Version;

use crate::cpe::Name;
use crate::{
    Advisory, Affected, Document, Ecosystem, End, Family, Fix, Interval, Named, Problem, Qualifiers, Rating, Reader,
    Records, Reference, Severity, Start, Time, Verdict,
};

/// The largest document; a year has up to 250 MB.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;

/// The most names of products of one CVE; one of processors has 20,000.
const MATCHES_MAX: usize = 100_000;

/// The most addresses of one CVE; the most that there are is some hundreds.
const REFERENCES_MAX: usize = 5_000;

/// The most scores of one CVE: two publishers, four versions.
const SCORES_MAX: usize = 64;

pub(crate) const READER: Reader = Reader {
    name: "nvd",
    summary: "the National Vulnerability Database, JSON 2.0",
    claims: |path| path.rsplit_once('.').is_some_and(|(_, extension)| extension == "json"),
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

fn read(document: &Document<'_>, records: &mut Records) {
    let mut json = serde_json::Deserializer::from_slice(document.bytes);
    let outcome = Top(records).deserialize(&mut json).and_then(|is_one| json.end().map(|()| is_one));
    if !outcome.unwrap_or_default() {
        // What came before the fault stays.
        records.refuse(Problem::Format, document.path);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cve {
    id: String,
    published: Option<String>,
    last_modified: Option<String>,
    #[serde(default)]
    vuln_status: String,
    #[serde(default)]
    descriptions: Vec<Text>,
    /// By version of CVSS: `cvssMetricV31`.
    #[serde(default)]
    metrics: BTreeMap<String, Vec<Metric>>,
    #[serde(default)]
    weaknesses: Vec<Weakness>,
    #[serde(default)]
    configurations: Vec<Configuration>,
    #[serde(default)]
    references: Vec<Link>,
}

#[derive(Deserialize)]
struct Text {
    lang: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    source: Option<String>,
    cvss_data: Option<Score>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Score {
    vector_string: String,
}

#[derive(Deserialize)]
struct Weakness {
    #[serde(default)]
    description: Vec<Text>,
}

#[derive(Deserialize)]
struct Link {
    url: String,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Configuration {
    operator: Option<String>,
    #[serde(default)]
    negate: bool,
    #[serde(default)]
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    operator: Option<String>,
    #[serde(default)]
    negate: bool,
    #[serde(default)]
    cpe_match: Vec<Match>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    vulnerable: bool,
    criteria: String,
    version_start_including: Option<String>,
    version_start_excluding: Option<String>,
    version_end_including: Option<String>,
    version_end_excluding: Option<String>,
}

impl Cve {
    fn advisory(self, records: &mut Records) -> Advisory {
        let affected = self.affected(records);
        let published = self.published.as_deref().and_then(parse_time);
        let modified = self.last_modified.as_deref().and_then(parse_time);
        let is_rejected = self.vuln_status == "Rejected";
        let weaknesses = self.weaknesses.iter().flat_map(|weakness| &weakness.description);
        let weaknesses: BTreeSet<u32> =
            weaknesses.filter_map(|text| text.value.strip_prefix("CWE-")?.parse().ok()).collect();
        let details = self.descriptions.iter().find(|text| text.lang == "en").map(|text| text.value.clone());
        let mut severities: Vec<Severity> = self.metrics.values().flatten().filter_map(Metric::severity).collect();
        // The same vector of a publisher's two roles.
        severities.dedup();
        cut(&mut severities, SCORES_MAX, "scores", &self.id, records);
        let mut references: Vec<Reference> = self.references.into_iter().map(Link::reference).collect();
        cut(&mut references, REFERENCES_MAX, "references", &self.id, records);
        Advisory {
            id: self.id,
            published,
            modified,
            // The moment is not told apart from that of the last change.
            withdrawn: is_rejected.then(|| modified.or(published).unwrap_or_default()),
            details: details.unwrap_or_default(),
            severities,
            references,
            weaknesses: weaknesses.into_iter().collect(),
            affected,
            ..Advisory::default()
        }
    }

    /// Gathers what is said of a product into one statement.
    fn affected(&self, records: &mut Records) -> Vec<Affected> {
        let mut gathered: BTreeMap<(String, Qualifiers), (Vec<Interval>, Vec<String>)> = BTreeMap::new();
        let mut matches = 0;
        for configuration in &self.configurations {
            let negated = configuration.negate || configuration.nodes.iter().any(|node| node.negate);
            let is_all = |operator: &Option<String>| operator.as_deref() == Some("AND");
            if negated || configuration.nodes.iter().any(|node| is_all(&node.operator) && node.cpe_match.len() > 1) {
                records.refuse(Problem::Word("configuration"), &self.id);
                continue;
            }
            for (at, node) in configuration.nodes.iter().enumerate() {
                let other = configuration.nodes.iter().enumerate().find(|(index, _)| *index != at);
                let runs_on = match other {
                    Some((_, other)) if is_all(&configuration.operator) => other.products(),
                    _ => Vec::new(),
                };
                for found in node.cpe_match.iter().filter(|found| found.vulnerable) {
                    if matches == MATCHES_MAX {
                        records.refuse(Problem::TooMany("products"), &self.id);
                        return statements(gathered);
                    }
                    matches += 1;
                    match found.statement(&runs_on) {
                        Ok((key, intervals, versions)) => {
                            let said = gathered.entry(key).or_default();
                            said.0.extend(intervals);
                            said.1.extend(versions);
                        }
                        Err(problem) => records.refuse(problem, &format!("{} {}", self.id, found.criteria)),
                    }
                }
            }
        }
        statements(gathered)
    }
}

fn statements(gathered: BTreeMap<(String, Qualifiers), (Vec<Interval>, Vec<String>)>) -> Vec<Affected> {
    let one = |((package, qualifiers), (mut intervals, mut versions)): (_, (Vec<_>, Vec<_>))| {
        versions.sort();
        versions.dedup();
        intervals = mended(&intervals, &versions);
        intervals.sort();
        intervals.dedup();
        Affected {
            ecosystem: Ecosystem::new(Family::Cpe),
            package,
            named: Named::Binary,
            verdict: Verdict::Affected(Fix::AsStated),
            intervals,
            versions,
            qualifiers,
            severities: Vec::new(),
        }
    };
    gathered.into_iter().map(one).collect()
}

/// The most intervals of one product that are held against each other; the kernel's have thirty.
const MENDED_MAX: usize = 256;

/// Says of the first version after an interval that it mends what is wrong, unless another interval or version of the record has it: NVD says no more of it
/// than that it is not affected, and its users take it for the fix.
fn mended(intervals: &[Interval], versions: &[String]) -> Vec<Interval> {
    let is_affected = |bound: &String| {
        let version = Family::Cpe.scheme().filter(|_| intervals.len() <= MENDED_MAX);
        let Some(Ok(version)) = version.map(|scheme| Version::parse(scheme, bound)) else { return true };
        let is_in = |interval: &Interval| interval.contains(&version).unwrap_or(true);
        intervals.iter().any(is_in) || versions.iter().any(|other| other == bound)
    };
    let one = |interval: &Interval| match &interval.end {
        End::Before(bound) if !is_affected(bound) => Interval { end: End::Fixed(bound.clone()), ..interval.clone() },
        _ => interval.clone(),
    };
    intervals.iter().map(one).collect()
}

fn cut<T>(values: &mut Vec<T>, limit: usize, what: &'static str, id: &str, records: &mut Records) {
    if values.len() > limit {
        records.refuse(Problem::TooMany(what), id);
        values.truncate(limit);
    }
}

impl Node {
    fn products(&self) -> Vec<String> {
        let products = self.cpe_match.iter().filter_map(|found| Some(parse(&found.criteria)?.product()));
        products.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The database has names in their form of text alone.
fn parse(criteria: &str) -> Option<Name> {
    criteria.starts_with("cpe:2.3:").then(|| Name::parse(criteria))?
}

type Said = ((String, Qualifiers), Option<Interval>, Vec<String>);

impl Match {
    fn statement(&self, runs_on: &[String]) -> Result<Said, Problem> {
        let name = parse(&self.criteria).ok_or(Problem::Word("product"))?;
        let start = match (&self.version_start_including, &self.version_start_excluding) {
            (Some(version), _) => Start::At(version.clone()),
            (None, Some(version)) => Start::After(version.clone()),
            (None, None) => Start::Unbounded,
        };
        let end = match (&self.version_end_including, &self.version_end_excluding) {
            (Some(version), _) => End::Through(version.clone()),
            // Whether it mends what is wrong follows from the others: `mended`.
            (None, Some(version)) => End::Before(version.clone()),
            (None, None) => End::Unbounded,
        };
        let interval = Interval { start, end };
        let (interval, versions) = match name.version.as_str() {
            "*" => (Some(interval), Vec::new()),
            _ if interval != Interval::ALL => return Err(Problem::Word("product")),
            "-" => return Err(Problem::NoPackage),
            _ => (None, name.versions()),
        };
        let target_software = name.target_software().map(str::to_owned);
        let qualifiers = Qualifiers { target_software, runs_on: runs_on.to_vec(), ..Qualifiers::default() };
        Ok(((name.product(), qualifiers), interval, versions))
    }
}

impl Metric {
    fn severity(&self) -> Option<Severity> {
        let vector = self.cvss_data.as_ref()?.vector_string.clone();
        let source = self.source.clone().filter(|source| source != "nvd@nist.gov");
        Some(Severity { source, rating: Rating::Cvss(vector) })
    }
}

impl Link {
    fn reference(self) -> Reference {
        let has = |wanted: &str| self.tags.iter().any(|tag| tag == wanted);
        let kind = if has("Patch") {
            "FIX"
        } else if has("Exploit") {
            "EVIDENCE"
        } else if has("Issue Tracking") {
            "REPORT"
        } else if has("Vendor Advisory") || has("Third Party Advisory") || has("US Government Resource") {
            "ADVISORY"
        } else {
            "WEB"
        };
        Reference { kind: kind.to_owned(), url: self.url }
    }
}

/// `2024-06-07T10:15:12.293`, which is UTC.
fn parse_time(text: &str) -> Option<Time> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    Some(format!("{text}Z").parse::<jiff::Timestamp>().ok()?.as_second())
}

/// Reads the document: an answer of the API, or one CVE by itself. Tells whether it was either.
struct Top<'a>(&'a mut Records);

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an answer of NVD's API")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<bool, M::Error> {
        let mut is_answer = false;
        let mut cve = serde_json::Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "vulnerabilities" => {
                    map.next_value_seed(Vulnerabilities(self.0))?;
                    is_answer = true;
                }
                "id" | "published" | "lastModified" | "vulnStatus" | "descriptions" | "metrics" | "weaknesses"
                | "configurations" | "references" => {
                    cve.insert(key, map.next_value()?);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let is_cve = !is_answer && cve.contains_key("id");
        if is_cve {
            add(Value::Object(cve), self.0);
        }
        Ok(is_answer || is_cve)
    }
}

/// Reads the CVEs of an answer, one by one.
struct Vulnerabilities<'a>(&'a mut Records);

impl<'de> DeserializeSeed<'de> for Vulnerabilities<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Vulnerabilities<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("vulnerabilities")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut sequence: S) -> Result<(), S::Error> {
        while let Some(mut value) = sequence.next_element::<Value>()? {
            add(value.get_mut("cve").map(Value::take).unwrap_or_default(), self.0);
        }
        Ok(())
    }
}

fn add(value: Value, records: &mut Records) {
    let id = value.get("id").and_then(Value::as_str).unwrap_or("a vulnerability").to_owned();
    match Cve::deserialize(value) {
        Ok(cve) => {
            let advisory = cve.advisory(records);
            records.advisories.push(advisory);
        }
        Err(_) => records.refuse(Problem::Format, &id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "nvd.json", bytes: text.as_bytes() }, &mut records);
        records
    }

    fn show(records: &Records) -> String {
        let statements = records.advisories.iter().flat_map(|advisory| &advisory.affected).map(|affected| {
            let Affected { package, intervals, versions, qualifiers, .. } = affected;
            let intervals: Vec<_> = intervals.iter().map(|Interval { start, end }| format!(" {start:?}..{end:?}")).collect();
            let versions = if versions.is_empty() { String::new() } else { format!(" {}", versions.join(" ")) };
            let target = qualifiers.target_software.as_ref().map(|target| format!(" for {target}")).unwrap_or_default();
            let runs_on: Vec<_> = qualifiers.runs_on.iter().map(|product| format!(" on {product}")).collect();
            format!("{package}{}{versions}{target}{}", intervals.concat(), runs_on.concat())
        });
        let problems = records.problems.iter().map(|(problem, (count, _))| format!("{count} {problem}"));
        statements.chain(problems).collect::<Vec<_>>().join("; ")
    }

    fn of_configurations(configurations: &str) -> String {
        show(&read_text(&format!(
            r#"{{"vulnerabilities": [{{"cve": {{"id": "CVE-2024-0001", "configurations": [{configurations}]}}}}]}}"#
        )))
    }

    fn found(vulnerable: bool, cpe: &str, more: &str) -> String {
        format!(r#"{{"vulnerable": {vulnerable}, "criteria": "cpe:2.3:{cpe}"{more}}}"#)
    }

    fn node(matches: &[String]) -> String {
        format!(r#"{{"operator": "OR", "negate": false, "cpeMatch": [{}]}}"#, matches.join(","))
    }

    #[test]
    fn a_name_with_bounds_is_a_statement() {
        let check = |cpe: &str, more: &str, expected: &str| {
            let configuration = format!(r#"{{"nodes": [{}]}}"#, node(&[found(true, cpe, more)]));
            assert_eq!(of_configurations(&configuration), expected, "{cpe} {more}");
        };
        check("a:v:p:1", "", "1 it has an unknown product");
        check("x:v:p:*:*:*:*:*:*:*:*", "", "1 it has an unknown product");
        check("a:*:p:*:*:*:*:*:*:*:*", "", "1 it has an unknown product");
        check("a:v:p:1:*:*:*:*:*:*:*", r#", "versionEndExcluding": "2""#, "1 it has an unknown product");
        check("h:v:p:-:*:*:*:*:*:*:*", "", "1 it names no package and version");
        check("a:v:p:*:*:*:*:*:*:*:*", "", "a:v:p Unbounded..Unbounded");
        check("a:v:p:1.0:*:*:*:*:*:*:*", "", "a:v:p 1.0");
        check("a:v:p:7.2:p2:*:*:*:*:*:*", "", "a:v:p 7.2-p2 7.2p2");
        check(r"a:v:c\\+\\+:*:*:*:*:*:node.js:*:*", "", "a:v:c++ Unbounded..Unbounded for node.js");
        check(r"a:v:a\\:b:1:*:*:*:*:*:*:*", "", r"a:v:a\:b 1");
        let bounds = r#", "versionStartIncluding": "1", "versionEndExcluding": "2""#;
        check("a:v:p:*:*:*:*:*:*:*:*", bounds, r#"a:v:p At("1")..Fixed("2")"#);
        let bounds = r#", "versionStartExcluding": "1", "versionEndIncluding": "2""#;
        check("a:v:p:*:*:*:*:*:*:*:*", bounds, r#"a:v:p After("1")..Through("2")"#);
    }

    #[test]
    fn a_configuration_of_two_parts_is_a_product_that_runs_on_another() {
        let any = ":*:*:*:*:*:*:*:*";
        let product = |name: &str| found(true, &format!("{name}{any}"), "");
        let platform = |name: &str| found(false, &format!("{name}{any}"), "");
        let check = |operator: &str, nodes: &[String], expected: &str| {
            let configuration = format!(r#"{{"operator": "{operator}", "nodes": [{}]}}"#, nodes.join(","));
            assert_eq!(of_configurations(&configuration), expected, "{operator} {nodes:?}");
        };
        let app = || node(&[product("a:v:p")]);
        let all = "Unbounded..Unbounded";
        check("AND", &[app()], &format!("a:v:p {all}"));
        check("AND", &[node(&[platform("o:v:os")])], "");
        check("OR", &[app(), node(&[platform("o:v:os")])], &format!("a:v:p {all}"));
        let platforms = node(&[platform("o:v:os"), platform("o:v:bsd"), platform("o:v:os")]);
        check("AND", &[app(), platforms.clone()], &format!("a:v:p {all} on o:v:bsd on o:v:os"));
        check("AND", &[platforms.clone(), app()], &format!("a:v:p {all} on o:v:bsd on o:v:os"));
        let hardware = node(&[platform("h:v:box")]);
        check("AND", &[app(), hardware, platforms], &format!("a:v:p {all} on h:v:box"));
        let negated = app().replace("false", "true");
        check("OR", &[negated], "1 it has an unknown configuration");
        let both = node(&[product("a:v:p"), product("a:v:q")]).replace("OR", "AND");
        check("OR", &[both], "1 it has an unknown configuration");
    }

    #[test]
    fn what_is_said_of_a_product_is_one_statement() {
        let matches = [
            found(true, "a:v:p:2:*:*:*:*:*:*:*", ""),
            found(true, "a:v:p:1:*:*:*:*:*:*:*", ""),
            found(true, "a:v:p:1:*:*:*:*:*:*:*", ""),
            found(true, "a:v:p:*:*:*:*:*:*:*:*", r#", "versionEndExcluding": "3""#),
            found(false, "a:v:q:*:*:*:*:*:*:*:*", ""),
        ];
        let configuration = format!(r#"{{"nodes": [{}]}}"#, node(&matches));
        assert_eq!(of_configurations(&configuration), r#"a:v:p Unbounded..Fixed("3") 1 2"#);
    }

    #[test]
    fn the_first_version_behind_an_interval_mends_it_unless_it_is_affected_itself() {
        let check = |matches: &[(&str, &str)], expected: &str| {
            let matches: Vec<String> = matches.iter().map(|(version, more)| found(true, &format!("a:v:p:{version}:*:*:*:*:*:*:*"), more)).collect();
            assert_eq!(of_configurations(&format!(r#"{{"nodes": [{}]}}"#, node(&matches))), expected, "{matches:?}");
        };
        let before = |end: &str| format!(r#", "versionEndExcluding": "{end}""#);
        let from = |start: &str, end: &str| format!(r#", "versionStartIncluding": "{start}"{}"#, before(end));
        check(&[("*", &before("2"))], r#"a:v:p Unbounded..Fixed("2")"#);
        check(&[("*", &before("2")), ("2", "")], r#"a:v:p Unbounded..Before("2") 2"#);
        check(&[("*", &before("2")), ("*", &from("2.0", "2.5"))], r#"a:v:p Unbounded..Before("2") At("2.0")..Fixed("2.5")"#);
        check(&[("*", &before("2")), ("*", &from("3", "3.5"))], r#"a:v:p Unbounded..Fixed("2") At("3")..Fixed("3.5")"#);
        check(&[("*", &before("2")), ("*", "")], r#"a:v:p Unbounded..Unbounded Unbounded..Before("2")"#);
        for (count, end) in [(MENDED_MAX, "Fixed"), (MENDED_MAX + 1, "Before")] {
            let many: Vec<Interval> = (0..count).map(|number| Interval { start: Start::At(format!("{number}")), end: End::Before(format!("{number}.5")) }).collect();
            let all = mended(&many, &[]);
            assert!(all.iter().all(|one| format!("{:?}", one.end).starts_with(end)), "{count}");
        }
    }

    #[test]
    fn a_fault_costs_one_vulnerability_or_what_comes_after_it() {
        let check = |text: &str, advisories: usize, problems: u64| {
            let records = read_text(text);
            let refused = records.problems.get(&Problem::Format).map_or(0, |(count, _)| *count);
            assert_eq!((records.advisories.len(), refused), (advisories, problems), "{text}");
        };
        check("", 0, 1);
        check("[]", 0, 1);
        check("{}", 0, 1);
        check(r#"{"CVE_Items": []}"#, 0, 1);
        check(r#"{"vulnerabilities": {}}"#, 0, 1);
        check(r#"{"vulnerabilities": []}"#, 0, 0);
        check(r#"{"vulnerabilities": [1, {}, {"cve": {}}, {"cve": {"id": "CVE-1"}}]}"#, 1, 3);
        check(r#"{"vulnerabilities": [{"cve": {"id": "CVE-1"}}, {"cve": {"id""#, 1, 1);
        check(r#"{"vulnerabilities": [{"cve": {"id": "CVE-1"}}]} {}"#, 1, 1);
        check(r#"{"id": "CVE-1"}"#, 1, 0);
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let check = |field: &str, before: &str, one: &str, after: &str, limit: usize, what: &'static str| {
            for count in [limit - 1, limit, limit + 1] {
                let many = vec![one; count].join(",");
                let records = read_text(&format!(r#"{{"id": "CVE-1", "{field}": {before}{many}{after}}}"#));
                assert_eq!(records.problems.contains_key(&Problem::TooMany(what)), count > limit, "{count} {what}");
                assert_eq!(records.advisories.len(), 1);
            }
        };
        check("references", "[", r#"{"url": "u"}"#, "]", REFERENCES_MAX, "references");
        let cpe = r#"{"vulnerable": true, "criteria": "cpe:2.3:a:v:p:1:*:*:*:*:*:*:*"}"#;
        check("configurations", r#"[{"nodes": [{"cpeMatch": ["#, cpe, "]}]}]", MATCHES_MAX, "products");
        for count in [SCORES_MAX - 1, SCORES_MAX, SCORES_MAX + 1] {
            let scores: Vec<_> = (0..count).map(|at| format!(r#"{{"cvssData": {{"vectorString": "{at}"}}}}"#)).collect();
            let text = format!(r#"{{"id": "CVE-1", "metrics": {{"cvssMetricV2": [{}]}}}}"#, scores.join(","));
            let records = read_text(&text);
            assert_eq!(records.problems.contains_key(&Problem::TooMany("scores")), count > SCORES_MAX);
            assert_eq!(records.advisories[0].severities.len(), count.min(SCORES_MAX));
        }
    }

    #[test]
    fn samples_are_read() {
        let Some(bundle) = testkit::bundle("feed-samples/trivy-db-vulnsrc") else { return };
        let folder = bundle.path().join("pkg/vulnsrc/nvd/testdata/happy/vuln-list-nvd/api");
        let mut lines = Vec::new();
        for path in ["2020/CVE-2020-0001.json", "2023/CVE-2023-0001.json", "2024/CVE-2024-0069.json", "2024/CVE-2024-5732.json"] {
            let bytes = fs::read(folder.join(path)).expect("the bundle has the file");
            let mut records = Records::default();
            READER.read(&Document { path, bytes: &bytes }, &mut records);
            lines.push(show(&records));
            for advisory in &records.advisories {
                let Advisory { id, published, withdrawn, weaknesses, details, .. } = advisory;
                let text: String = details.chars().take(40).collect();
                lines.push(format!("  {id} {published:?} {withdrawn:?} {weaknesses:?} {text}"));
                lines.extend(advisory.severities.iter().map(|severity| format!("  {severity:?}")));
                lines.extend(advisory.references.iter().map(|reference| format!("  {} {}", reference.kind, reference.url)));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        o:google:android 10.0 8.0 8.1 9.0
          CVE-2020-0001 Some(1578510912) None [] In getProcessRecordLocked of ActivityMan
          Severity { source: None, rating: Cvss("AV:L/AC:L/Au:N/C:C/I:C/A:C") }
          Severity { source: None, rating: Cvss("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H") }
          ADVISORY https://source.android.com/security/bulletin/2020-01-01
        a:paloaltonetworks:cortex_xdr_agent At("7.5")..Fixed("7.5.101") on o:microsoft:windows
          CVE-2023-0001 Some(1675880111) None [319] An information exposure vulnerability in
          Severity { source: None, rating: Cvss("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H") }
          Severity { source: Some("psirt@paloaltonetworks.com"), rating: Cvss("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:H/I:N/A:H") }
          ADVISORY https://security.paloaltonetworks.com/CVE-2023-0001
        
          CVE-2024-0069 Some(1701130507) Some(1701130507) [] Rejected reason: This CVE ID was unused 
        a:clashforwindows:clash At("0.1.0")..Through("0.20.1") for windows
          CVE-2024-5732 Some(1717755312) None [287] A vulnerability was found in Clash up to
          Severity { source: Some("cna@vuldb.com"), rating: Cvss("AV:N/AC:L/Au:N/C:P/I:P/A:P") }
          Severity { source: None, rating: Cvss("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") }
          Severity { source: Some("cna@vuldb.com"), rating: Cvss("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L") }
          Severity { source: None, rating: Cvss("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N/E:X/CR:X/IR:X/AR:X/MAV:X/MAC:X/MAT:X/MPR:X/MUI:X/MVC:X/MVI:X/MVA:X/MSC:X/MSI:X/MSA:X/S:X/AU:X/R:X/V:X/RE:X/U:X") }
          EVIDENCE https://github.com/GTA12138/vul/blob/main/clash%20for%20windows.md
          WEB https://vuldb.com/?ctiid.267406
          ADVISORY https://vuldb.com/?id.267406
          ADVISORY https://vuldb.com/?submit.345469
        "#);
    }
}
