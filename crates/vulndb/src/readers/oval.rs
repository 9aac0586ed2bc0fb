//! OVAL definitions of vulnerabilities, as Microsoft publishes them for Azure Linux and CBL-Mariner
//! (<https://github.com/microsoft/AzureLinuxVulnerabilityData>). The format's document is "OVAL Language 5.11", its component schema
//! for Linux ("rpminfo").
//!
//! A definition names a CVE and a test; the test names an object, which is a source package, and a state, which is a bound of
//! versions. `less than` a bound is mended by it; `less than or equal` is what was there when nothing mended it. A definition that
//! is not `patchable` because that is `Not Applicable` says, in its description, that the CVE no longer is or never was applicable.
//!
//! What is read is what the schema calls a document, and no more: no document type, no entity but XML's own five, nothing from
//! outside. Definitions come before the tests that they name, so all are kept until the end, each kind within a limit.

use std::collections::HashMap;

use component::{Scheme, Version};
use quick_xml::Reader as XmlReader;
use quick_xml::events::{BytesStart, Event};

use crate::{
    Advisory, Affected, Document, Ecosystem, End, Family, Fix, Interval, Level, Named, Problem, Qualifiers, Rating,
    Reader, Records, Reference, Severity, Start, Verdict,
};

/// The largest document; that of CBL-Mariner 2.0 has some 25 MB.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// The most definitions, tests, objects or states of a document; the largest has 20,000 of each.
const ENTRIES_MAX: usize = 500_000;

/// The deepest nesting; criteria in criteria are not read, so that six levels are enough.
const DEPTH_MAX: usize = 16;

/// The most bytes of one text; descriptions have 300.
const TEXT_BYTES_MAX: usize = 64 << 10;

pub(crate) const READER: Reader = Reader {
    name: "azure-oval",
    summary: "OVAL definitions of Azure Linux and CBL-Mariner",
    claims: |path| path.rsplit_once('.').is_some_and(|(_, extension)| extension == "xml"),
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read: |document, records| read(document, records, ENTRIES_MAX),
};

fn read(document: &Document<'_>, records: &mut Records, entries_max: usize) {
    let Some(release) = find_release(document.path) else {
        return records.refuse(Problem::Ecosystem("Azure Linux".to_owned()), document.path);
    };
    let mut walk = Walk { entries_max, ..Walk::default() };
    if let Err(problem) = walk.all(document.bytes) {
        // Without its end the document lacks the states, and with them all versions.
        return records.refuse(problem, document.path);
    }
    let ecosystem = Ecosystem::release(Family::AzureLinux, release);
    for definition in std::mem::take(&mut walk.definitions) {
        match walk.affected(&definition, &ecosystem) {
            Ok(affected) => records.advisories.push(definition.advisory(affected)),
            Err(problem) => records.refuse(problem, &definition.id),
        }
    }
}

/// Returns the release from the file's name, which alone has it: `cbl-mariner-2.0-oval.xml`.
fn find_release(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    let rest = ["azurelinux-", "cbl-mariner-"].iter().find_map(|product| name.strip_prefix(product))?;
    let release = rest.split('-').next()?;
    let (major, minor) = release.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(major) && is_number(minor)).then_some(release)
}

/// A definition, with what it names unresolved.
#[derive(Debug, Default)]
struct Definition {
    id: String,
    title: String,
    description: String,
    date: String,
    severity: String,
    patchable: String,
    /// The CVE and its address.
    references: Vec<(String, String)>,
    tests: Vec<String>,
    /// Whether its criteria say more than that one test holds.
    is_compound: bool,
}

#[derive(Debug, Default)]
struct Test {
    object: String,
    state: String,
    /// Whether it says more than that an object is in a state.
    is_compound: bool,
}

#[derive(Debug, Default)]
struct State {
    operation: String,
    bound: String,
    /// Whether it says more than a bound of versions.
    is_compound: bool,
}

/// The walk over the elements: the path to the current one, its text, and what was found.
#[derive(Default)]
struct Walk {
    path: Vec<String>,
    text: String,
    entries_max: usize,
    definitions: Vec<Definition>,
    tests: HashMap<String, Test>,
    objects: HashMap<String, String>,
    states: HashMap<String, State>,
    /// The identifier of the test, object or state that the walk is in.
    id: String,
}

impl Walk {
    fn all(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::Format)?;
        let mut reader = XmlReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut is_oval = false;
        loop {
            match reader.read_event().map_err(|_| Problem::Format)? {
                Event::DocType(_) => return Err(Problem::Word("document type")),
                Event::Start(element) => {
                    is_oval |= self.path.is_empty() && element.local_name().as_ref() == "oval_definitions";
                    self.open(&element)?;
                }
                Event::Empty(element) => {
                    self.open(&element)?;
                    self.close();
                }
                Event::End(_) => self.close(),
                Event::Text(text) => self.add_text(&text)?,
                Event::CData(data) => self.add_text(&data)?,
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => self.add_text(character.encode_utf8(&mut [0; 4]))?,
                    _ => self.add_text(predefined(&reference).ok_or(Problem::Word("entity"))?)?,
                },
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        if is_oval && self.path.is_empty() { Ok(()) } else { Err(Problem::Format) }
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), Problem> {
        if self.path.len() == DEPTH_MAX {
            return Err(Problem::TooMany("levels"));
        }
        self.text.clear();
        let name = element.local_name().as_ref().to_owned();
        let attribute = |wanted: &str| -> Result<String, Problem> {
            for attribute in element.attributes() {
                let attribute = attribute.map_err(|_| Problem::Format)?;
                if attribute.key.local_name().as_ref() == wanted {
                    return quick_xml::escape::unescape(&attribute.value)
                        .map(std::borrow::Cow::into_owned)
                        .map_err(|_| Problem::Word("entity"));
                }
            }
            Ok(String::new())
        };
        match (self.path.last().map(String::as_str).unwrap_or_default(), name.as_str()) {
            ("definitions", "definition") => {
                check_room(self.definitions.len(), self.entries_max, "definitions")?;
                self.definitions.push(Definition { id: attribute("id")?, ..Definition::default() });
            }
            ("metadata", "reference") if attribute("source")? == "CVE" => {
                let reference = (attribute("ref_id")?, attribute("ref_url")?);
                self.definition(|definition| definition.references.push(reference));
            }
            ("definition", "criteria") => {
                let is_plain = attribute("negate")? != "true" && matches!(attribute("operator")?.as_str(), "AND" | "");
                self.definition(|definition| definition.is_compound |= !is_plain);
            }
            ("criteria", "criterion") => {
                let test = attribute("test_ref")?;
                let is_negated = attribute("negate")? == "true";
                self.definition(|definition| {
                    definition.is_compound |= is_negated || !definition.tests.is_empty();
                    definition.tests.push(test);
                });
            }
            ("criteria", _) => self.definition(|definition| definition.is_compound = true),
            ("tests", "rpminfo_test") => {
                check_room(self.tests.len(), self.entries_max, "tests")?;
                self.id = attribute("id")?;
                let is_compound = !matches!(attribute("check")?.as_str(), "at least one" | "all");
                self.tests.insert(self.id.clone(), Test { is_compound, ..Test::default() });
            }
            ("rpminfo_test", kind) => {
                let (kind, target) = match kind {
                    "object" => ("object", attribute("object_ref")?),
                    _ => (kind, attribute("state_ref")?),
                };
                let test = self.tests.entry(self.id.clone()).or_default();
                match kind {
                    "object" if test.object.is_empty() => test.object = target,
                    "state" if test.state.is_empty() => test.state = target,
                    _ => test.is_compound = true,
                }
            }
            ("objects", "rpminfo_object") => {
                check_room(self.objects.len(), self.entries_max, "objects")?;
                self.id = attribute("id")?;
            }
            ("states", "rpminfo_state") => {
                check_room(self.states.len(), self.entries_max, "states")?;
                self.id = attribute("id")?;
                self.states.insert(self.id.clone(), State::default());
            }
            ("rpminfo_state", "evr") => {
                let operation = attribute("operation")?;
                self.states.entry(self.id.clone()).or_default().operation = operation;
            }
            ("rpminfo_state", _) => self.states.entry(self.id.clone()).or_default().is_compound = true,
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    /// The elements are balanced: the reader of XML sees to that.
    fn close(&mut self) {
        let name = self.path.pop().unwrap_or_default();
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        match (self.path.last().map(String::as_str).unwrap_or_default(), name.as_str()) {
            ("metadata", "title") => self.definition(|definition| text.clone_into(&mut definition.title)),
            ("metadata", "description") => self.definition(|definition| text.clone_into(&mut definition.description)),
            ("metadata", "advisory_date") => self.definition(|definition| text.clone_into(&mut definition.date)),
            ("metadata", "severity") => self.definition(|definition| text.clone_into(&mut definition.severity)),
            ("metadata", "patchable") => self.definition(|definition| text.clone_into(&mut definition.patchable)),
            ("rpminfo_object", "name") => {
                self.objects.insert(self.id.clone(), text.to_owned());
            }
            ("rpminfo_state", "evr") => {
                text.clone_into(&mut self.states.entry(self.id.clone()).or_default().bound);
            }
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str) -> Result<(), Problem> {
        if self.text.len() + text.len() > TEXT_BYTES_MAX {
            return Err(Problem::TooMany("bytes of text"));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Changes the definition that the walk is in.
    fn definition(&mut self, change: impl FnOnce(&mut Definition)) {
        if let Some(definition) = self.definitions.last_mut() {
            change(definition);
        }
    }

    fn affected(&self, definition: &Definition, ecosystem: &Ecosystem) -> Result<Affected, Problem> {
        let [test] = definition.tests.as_slice() else { return Err(Problem::Word("criteria")) };
        let test = self.tests.get(test).ok_or(Problem::NoPackage)?;
        let object = self.objects.get(&test.object).filter(|name| !name.is_empty()).ok_or(Problem::NoPackage)?;
        let state = self.states.get(&test.state).ok_or(Problem::NoPackage)?;
        if definition.is_compound || test.is_compound || state.is_compound {
            return Err(Problem::Word("criteria"));
        }
        // There is one `0: 1.20.10-1.azl3`, and no version has a space.
        let bound: String = state.bound.split_whitespace().collect();
        if Version::parse(Scheme::Rpm, &bound).is_err() {
            return Err(Problem::Version);
        }
        let end = match state.operation.as_str() {
            "less than" => End::Fixed(bound),
            "less than or equal" => End::Through(bound),
            _ => return Err(Problem::Word("operation")),
        };
        let (verdict, intervals) = match definition.patchable.as_str() {
            "Not Applicable" => (Verdict::NotAffected, Vec::new()),
            "true" | "false" | "" => {
                (Verdict::Affected(Fix::AsStated), vec![Interval { start: Start::Unbounded, end }])
            }
            _ => return Err(Problem::Word("patchable")),
        };
        let level = match definition.severity.to_ascii_lowercase().as_str() {
            "low" => Some(Level::Low),
            "medium" | "moderate" => Some(Level::Medium),
            "high" | "important" => Some(Level::High),
            "critical" => Some(Level::Critical),
            "" | "none" | "unknown" => None,
            _ => return Err(Problem::Word("severity")),
        };
        let severity = level.map(|level| Severity { source: None, rating: Rating::Level(level) });
        Ok(Affected {
            ecosystem: ecosystem.clone(),
            package: object.clone(),
            named: Named::Source,
            verdict,
            intervals,
            versions: Vec::new(),
            qualifiers: Qualifiers::default(),
            severities: severity.into_iter().collect(),
        })
    }
}

impl Definition {
    fn advisory(self, affected: Affected) -> Advisory {
        let (upstream, urls): (Vec<_>, Vec<_>) = self.references.into_iter().unzip();
        let urls = urls.into_iter().filter(|url| !url.is_empty());
        Advisory {
            id: self.id,
            upstream,
            published: self.date.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second),
            summary: self.title,
            details: self.description,
            references: urls.map(|url| Reference { kind: "ADVISORY".to_owned(), url }).collect(),
            affected: vec![affected],
            ..Advisory::default()
        }
    }
}

fn check_room(count: usize, limit: usize, what: &'static str) -> Result<(), Problem> {
    if count < limit { Ok(()) } else { Err(Problem::TooMany(what)) }
}

/// XML 1.0, 4.6 "Predefined Entities".
fn predefined(name: &str) -> Option<&'static str> {
    match name {
        "amp" => Some("&"),
        "lt" => Some("<"),
        "gt" => Some(">"),
        "quot" => Some("\""),
        "apos" => Some("'"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;

    const PATH: &str = "azurelinux-3.0-oval.xml";

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: PATH, bytes: text.as_bytes() }, &mut records);
        records
    }

    const STATE: &str = r#"<l:evr datatype="evr_string" operation="less than">0:2.6.7-3.azl3</l:evr>"#;
    const CRITERION: &str = r#"<criterion test_ref="t1"/>"#;

    fn document(patchable: &str, criteria: &str, state: &str) -> String {
        format!(
            r#"<oval_definitions xmlns:l="linux"><definitions><definition class="vulnerability" id="def:1"><metadata>
            <title>One &amp; two &#65;</title><reference ref_id="CVE-2024-0001" ref_url="https://example.org/?a&amp;b" source="CVE"/>
            <patchable>{patchable}</patchable><advisory_date>2024-07-23T22:05:39Z</advisory_date><severity>High</severity>
            <description>Text.</description></metadata>{criteria}</definition></definitions>
            <tests><l:rpminfo_test check="at least one" id="t1"><l:object object_ref="o1"/><l:state state_ref="s1"/></l:rpminfo_test></tests>
            <objects><l:rpminfo_object id="o1"><l:name>oath-toolkit</l:name></l:rpminfo_object></objects>
            <states><l:rpminfo_state id="s1">{state}</l:rpminfo_state></states></oval_definitions>"#
        )
    }

    fn criteria(inner: &str) -> String {
        format!(r#"<criteria operator="AND">{inner}</criteria>"#)
    }

    #[test]
    fn a_definition_is_an_advisory_of_a_cve() {
        let records = read_text(&document("true", &criteria(CRITERION), STATE));
        assert_eq!(records.problems, BTreeMap::new());
        let [advisory] = records.advisories.as_slice() else { panic!("one definition is one advisory") };
        assert_eq!((advisory.id.as_str(), advisory.upstream.as_slice()), ("def:1", ["CVE-2024-0001".to_owned()].as_slice()));
        assert_eq!((advisory.summary.as_str(), advisory.details.as_str()), ("One & two A", "Text."));
        assert_eq!(advisory.published, Some(1_721_772_339));
        assert_eq!(advisory.references[0].url, "https://example.org/?a&b");
        let [affected] = advisory.affected.as_slice() else { panic!("it is of one package") };
        assert_eq!((affected.ecosystem.to_string().as_str(), affected.package.as_str()), ("Azure Linux:3.0", "oath-toolkit"));
        assert_eq!(affected.severities[0].rating, Rating::Level(Level::High));
    }

    #[test]
    fn a_state_is_a_bound_of_versions() {
        let check = |patchable: &str, state: &str, expected: &str| {
            let records = read_text(&document(patchable, &criteria(CRITERION), state));
            let found = if let Some(problem) = records.problems.keys().next() {
                problem.to_string()
            } else {
                let affected = &records.advisories[0].affected[0];
                let ends: Vec<_> = affected.intervals.iter().map(|interval| &interval.end).collect();
                format!("{:?} {ends:?}", affected.verdict)
            };
            assert_eq!(found, expected, "{patchable} {state}");
        };
        let evr = |operation: &str, bound: &str| format!(r#"<l:evr operation="{operation}">{bound}</l:evr>"#);
        check("perhaps", STATE, "it has an unknown patchable");
        check("true", "", "a version in it has no place in the order of its ecosystem");
        check("true", &evr("greater than", "0:1-1"), "it has an unknown operation");
        check("true", &format!("{STATE}<l:arch>x</l:arch>"), "it has an unknown criteria");
        check("true", &evr("less than", "0:1-1"), r#"Affected(AsStated) [Fixed("0:1-1")]"#);
        check("false", &evr("less than or equal", "0:1-1"), r#"Affected(AsStated) [Through("0:1-1")]"#);
        check("Not Applicable", &evr("less than", "0:1-1"), "NotAffected []");
    }

    #[test]
    fn only_one_test_is_understood() {
        let check = |criteria: &str, expected: Option<Problem>| {
            let records = read_text(&document("true", criteria, STATE));
            assert_eq!(records.problems.into_keys().next(), expected, "{criteria}");
        };
        let unknown = || Some(Problem::Word("criteria"));
        check("", unknown());
        check(&criteria(""), unknown());
        check(&criteria(&format!("{CRITERION}{CRITERION}")), unknown());
        check(&criteria(&format!("{CRITERION}<criteria/>")), unknown());
        check(&criteria(&criteria(CRITERION)), unknown());
        check(r#"<criteria operator="ONE"><criterion test_ref="t1"/></criteria>"#, unknown());
        check(r#"<criteria negate="true"><criterion test_ref="t1"/></criteria>"#, unknown());
        check(&criteria(r#"<criterion test_ref="t1" negate="true"/>"#), unknown());
        check(&criteria(r#"<criterion test_ref="t2"/>"#), Some(Problem::NoPackage));
        check(&criteria(CRITERION), None);
    }

    #[test]
    fn what_is_no_such_document_is_refused() {
        let check = |text: &str, expected: Problem| {
            let records = read_text(text);
            assert_eq!((records.advisories.len(), records.problems.into_keys().next()), (0, Some(expected)), "{text}");
        };
        check("", Problem::Format);
        check("{}", Problem::Format);
        check("<html></html>", Problem::Format);
        check("<oval_definitions>", Problem::Format);
        check("<oval_definitions></definitions>", Problem::Format);
        let document = document("true", &criteria(CRITERION), STATE);
        check(&document[..document.len() - 60], Problem::Format);
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>"#;
        check(&format!("{bomb}{document}"), Problem::Word("document type"));
        check(&document.replace("&amp; two", "&b; two"), Problem::Word("entity"));
        check(&document.replace("a&amp;b", "a&b;"), Problem::Word("entity"));
        let mut records = Records::default();
        READER.read(&Document { path: "oval.xml", bytes: document.as_bytes() }, &mut records);
        assert!(records.problems.contains_key(&Problem::Ecosystem("Azure Linux".to_owned())));
    }

    #[test]
    fn the_release_is_in_the_files_name() {
        let check = |path: &str, expected: Option<&str>| assert_eq!(find_release(path), expected, "{path}");
        check("", None);
        check("oval-3.0.xml", None);
        check("azurelinux-oval.xml", None);
        check("azurelinux-3.x-oval.xml", None);
        check("azurelinux-30000.0-oval.xml", None);
        check("main/azurelinux-3.0-oval.xml", Some("3.0"));
        check("cbl-mariner-2.0-oval.xml", Some("2.0"));
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let count = |element: &str, count: usize| {
            let entries: Vec<_> = (0..count).map(|number| format!(r#"<{element} id="{number}"/>"#)).collect();
            let entries = entries.concat();
            let folder = if element == "definition" { "definitions".to_owned() } else { format!("{}s", &element[8..]) };
            format!("<oval_definitions><{folder}>{entries}</{folder}></oval_definitions>")
        };
        for element in ["definition", "rpminfo_test", "rpminfo_state"] {
            for number in [2, 3, 4] {
                let mut records = Records::default();
                let text = count(element, number);
                read(&Document { path: PATH, bytes: text.as_bytes() }, &mut records, 3);
                let refused = records.problems.keys().any(|problem| matches!(problem, Problem::TooMany(_)));
                assert_eq!(refused, number > 3, "{number} {element}");
            }
        }
        for depth in [DEPTH_MAX - 1, DEPTH_MAX, DEPTH_MAX + 1] {
            let text = format!("{}{}", "<oval_definitions>".repeat(depth), "</oval_definitions>".repeat(depth));
            assert_eq!(read_text(&text).problems.contains_key(&Problem::TooMany("levels")), depth > DEPTH_MAX);
        }
        for size in [TEXT_BYTES_MAX - 1, TEXT_BYTES_MAX, TEXT_BYTES_MAX + 1] {
            let text = format!("<oval_definitions>{}</oval_definitions>", "x".repeat(size));
            assert_eq!(read_text(&text).problems.contains_key(&Problem::TooMany("bytes of text")), size > TEXT_BYTES_MAX);
        }
    }

    #[test]
    fn the_whole_of_azures_definitions_is_read() {
        let Some(bundle) = testkit::bundle("vulndb/azurelinux-oval") else { return };
        let mut lines = Vec::new();
        for path in [PATH, "cbl-mariner-1.0-oval.xml"] {
            let bytes = fs::read(bundle.path().join(path)).expect("the bundle has the file");
            let mut records = Records::default();
            READER.read(&Document { path, bytes: &bytes }, &mut records);
            let mut found: BTreeMap<String, usize> = BTreeMap::new();
            for affected in records.advisories.iter().flat_map(|advisory| &advisory.affected) {
                let end = affected.intervals.iter().map(|interval| match &interval.end {
                    End::Fixed(_) => " before a fix",
                    End::Through(_) => " through the last",
                    _ => " of others",
                });
                *found.entry(format!("{:?}{}", affected.verdict, end.collect::<String>())).or_default() += 1;
            }
            let cves = records.advisories.iter().map(|advisory| advisory.upstream.len()).sum::<usize>();
            let dated = records.advisories.iter().filter(|advisory| advisory.published.is_some()).count();
            lines.push(format!("{path}: {} advisories, {dated} dated, of {cves} CVEs", records.advisories.len()));
            lines.extend(found.iter().map(|(what, count)| format!("  {count} {what}")));
            lines.extend(records.problems.iter().map(|(what, (count, example))| format!("  {count} {what}: {example}")));
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        azurelinux-3.0-oval.xml: 1222 advisories, 1147 dated, of 1222 CVEs
          1221 Affected(AsStated) before a fix
          1 NotAffected
        cbl-mariner-1.0-oval.xml: 2252 advisories, 2070 dated, of 2252 CVEs
          2048 Affected(AsStated) before a fix
          126 Affected(AsStated) through the last
          78 NotAffected
        "#);
    }
}
