use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Instant;

use findings::{Doubted, not_counted_in_words, not_known_in_words, not_looked_into_in_words};
use outbound::{Endpoint, Page, Told};
use pipeline::Query;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{CommandError, Kind};
use crate::output::{self, Align, Column, Format, Table};
use crate::session::Session;

/// Find where a component or a vulnerability is: each image of the hub that has it, with its tags and paths.
///
/// Only images that you may pull are told, also those that no tag holds any more: they may run all the same. Without a range every version is. A
/// vulnerability goes by any of its names; beside where it is is told in how many images an exception or VEX has it not count, and in which nobody
/// knows whether it is, since they hold a package of which its records speak in a version that nothing states or that has no order.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison find openssl
  garrison find 'pkg:maven/org.apache.logging.log4j/log4j-core' '<2.17.1'
  garrison find openssl 'vers:deb/<3.0.11-1'
  garrison find 'log4j*' -o json
  garrison find CVE-2021-44228
  garrison find CVE-2021-44228 --tagged yes

Exit codes: 0 found, 1 nowhere, 2 not understood, 3 the hub did not answer, or no advisory there speaks of the vulnerability.")]
pub(crate) struct Find {
    /// Name, `NAME@VERSION`, `GROUP:ARTIFACT`, package URL with or without version, or vulnerability; `*` at the end of a name stands for anything
    #[arg(value_name = "PURL|NAME|CVE")]
    pattern: String,
    /// Versions, as the component's ecosystem writes ranges, or as `vers:`
    range: Option<String>,
    /// Only in images that a tag holds (yes), only in those that none holds (no), or in all
    #[arg(long, value_name = "yes|no|any", default_value = "any")]
    tagged: String,
    /// Most rows
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    limit: usize,
}

const COLUMNS: [Column; 6] = [
    Column { title: "REPOSITORY", align: Align::Left, rank: 0 },
    Column { title: "TAGS", align: Align::Left, rank: 2 },
    Column { title: "COMPONENT", align: Align::Left, rank: 0 },
    Column { title: "PATH", align: Align::Left, rank: 1 },
    Column { title: "PUSHED", align: Align::Left, rank: 3 },
    Column { title: "BY", align: Align::Left, rank: 4 },
];

/// What the hub tells beside the rows.
#[derive(Debug, Deserialize, Serialize)]
struct Beside {
    /// Hubs of an earlier version do not tell it.
    #[serde(default)]
    not_known: Option<NotKnown>,
    /// The same.
    #[serde(default)]
    not_counted: Option<Images>,
    /// The same: `present`, `absent` or `no_database`.
    #[serde(default)]
    record: Option<String>,
    /// The same.
    #[serde(default)]
    not_looked_into: Option<Images>,
    /// The same.
    #[serde(default)]
    built_of: Option<BuiltOf>,
}

/// Which images hold what a distribution built of a source package, under other names.
#[derive(Debug, Deserialize, Serialize)]
struct BuiltOf {
    names: Vec<String>,
    images: u64,
    more: bool,
}

/// How many images are not among the rows.
#[derive(Debug, Deserialize, Serialize)]
struct Images {
    images: u64,
    more: bool,
}

/// Where a vulnerability may be.
#[derive(Debug, Deserialize, Serialize)]
struct NotKnown {
    items: Vec<Value>,
    images: u64,
    more: bool,
}

impl Find {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let started = Instant::now();
        let hub = session.hub()?;
        let tagged = Some(&self.tagged).filter(|tagged| *tagged != "any");
        let all = || Endpoint::api(["components"]).with("query", &self.pattern).with_some("tagged", tagged);
        let mut endpoint = all();
        if let Some(range) = &self.range {
            endpoint = endpoint.with("range", range);
        }
        let told: Told<Value, Beside> = hub.list_with(&endpoint, self.limit).await?;
        let is_found = !told.page.items.is_empty();
        let (page, doubt) = (&told.page, told.beside.not_known.as_ref().map(doubt));
        let not_counted = told.beside.not_counted.as_ref();
        let not_counted = not_counted.map(|Images { images, more }| not_counted_in_words(*images, *more));
        let not_looked_into = told.beside.not_looked_into.as_ref().map(|Images { images, more }| {
            format!("{}: `garrison sbom refused`", not_looked_into_in_words(*images, *more))
        });
        let built_of = told.beside.built_of.as_ref().map(|built| built_of(built, &self.pattern));
        // Where something is known of it all the same, a later database says nothing of it any more.
        let record = told.beside.record.as_deref().filter(|_| !is_found && not_counted.is_none());
        let unheard_of = record.and_then(|record| unheard_of(&self.pattern, record));
        match session.format() {
            Format::Json => output::print_json(&told)?,
            Format::Table if is_found => {
                output::print_line(&output::printable(&answer(&self.pattern, page, started.elapsed().as_millis())))?;
                for line in not_counted.into_iter().chain(doubt).chain(built_of).chain(not_looked_into) {
                    output::print_line(&output::printable(&line))?;
                }
                output::print_line(table(&page.items).render(output::width()).trim_end())?;
                if page.next.is_some() {
                    output::note("There are more; `--limit` takes a larger number.");
                }
            }
            Format::Table if let Some(unheard_of) = &unheard_of => {
                output::print_line(&output::printable(unheard_of))?;
            }
            Format::Table => {
                let others_are = self.range.is_some() && !hub.list::<Value>(&all(), Some(1)).await?.items.is_empty();
                let nowhere = match doubt.as_ref().or(not_counted.as_ref()) {
                    Some(_) if doubt.is_none() => {
                        format!("No image that you may pull has {} where it counts.", self.pattern)
                    }
                    Some(_) => format!("No image that you may pull is known to have {}.", self.pattern),
                    None => nowhere(&self.pattern, self.range.as_deref(), others_are),
                };
                let is_nothing = doubt.is_none() && not_counted.is_none() && built_of.is_none() && !others_are;
                let beside = not_counted.into_iter().chain(doubt).chain(built_of).chain(not_looked_into);
                for line in std::iter::once(nowhere).chain(beside) {
                    output::print_line(&output::printable(&line))?;
                }
                if let Some(hint) = other_names(&self.pattern).filter(|_| is_nothing) {
                    output::note(&output::printable(&hint));
                }
            }
        }
        match (is_found, unheard_of) {
            (true, _) => Ok(()),
            (false, None) => Err(CommandError::silent(Kind::No)),
            (false, Some(_)) => Err(CommandError::silent(Kind::Environment)),
        }
    }
}

/// Says how many images hold what is built of a source package, and how it is found.
fn built_of(BuiltOf { names, images, more }: &BuiltOf, source: &str) -> String {
    let least = if *more { "At least " } else { "" };
    let (image, hold) = if *images == 1 { ("image", "holds") } else { ("images", "hold") };
    let first = names.first().map_or("", String::as_str);
    let told = names.join(", ");
    format!(
        "{least}{images} {image} {hold} what a distribution built of the source {source}: {told} (`garrison find {first}`)"
    )
}

/// Says of how many images nobody knows whether they have the vulnerability.
fn doubt(not_known: &NotKnown) -> String {
    let doubted = |item| Doubted {
        name: text(item, "name"),
        version: text(item, "version"),
        image: match item["tags"].as_array().and_then(|tags| tags.first()?.as_str()) {
            Some(tag) => format!("{}:{tag}", text(item, "repository")),
            None => format!("{}@{}", text(item, "repository"), shortened(item)),
        },
    };
    let first: Vec<Doubted<'_>> = not_known.items.iter().map(doubted).collect();
    not_known_in_words(not_known.images, not_known.more, &first)
}

/// Says that nobody here knows of a vulnerability, where that is so: that it was not found says nothing then.
fn unheard_of(vulnerability: &str, record: &str) -> Option<String> {
    match record {
        "absent" => Some(format!(
            "Not known: no advisory in the hub speaks of {vulnerability}; an image may have it all the same. `garrison db status --hub` says what the \
             hub's advisories are."
        )),
        "no_database" => Some(format!(
            "Not known: the hub has no advisories, so that nothing says which images have {vulnerability}. `garrison db status --hub` says more."
        )),
        _ => None,
    }
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

/// Says that nothing was found, and whether there are versions out of the range.
fn nowhere(pattern: &str, range: Option<&str>, others_are: bool) -> String {
    match range {
        None => format!("No image that you may pull has {pattern}."),
        Some(range) if others_are => {
            format!(
                "No image that you may pull has {pattern} {range}; some have other versions: `garrison find {pattern}`"
            )
        }
        Some(range) => format!("No image that you may pull has {pattern}, neither {range} nor another version."),
    }
}

/// Says which names are looked for, where a whole name was given: a source package goes by those that were built from it.
fn other_names(pattern: &str) -> Option<String> {
    let query = Query::parse(pattern, None).ok().filter(|query| !query.is_of_vulnerability())?;
    query.is_of_whole_name().then(|| {
        format!(
            "hint: a name is that of an installed package (`libssl3`, not its source `openssl`), and matches as a whole; `garrison find '{pattern}*'` takes it as a beginning"
        )
    })
}

/// Returns the answer in words.
fn answer(pattern: &str, page: &Page<Value>, milliseconds: u128) -> String {
    let distinct =
        |of: &dyn Fn(&Value) -> Option<String>| page.items.iter().filter_map(of).collect::<BTreeSet<_>>().len();
    let images = distinct(&|item| Some(format!("{}@{}", item["repository"].as_str()?, item["digest"].as_str()?)));
    let projects = distinct(&|item| Some(item["repository"].as_str()?.split('/').next()?.to_owned()));
    let untagged = page.items.iter().filter(|item| item["tags"].as_array().is_none_or(Vec::is_empty));
    let untagged = untagged.map(|item| (&item["repository"], &item["digest"])).map(|(a, b)| format!("{a}@{b}"));
    let untagged = match untagged.collect::<BTreeSet<_>>().len() {
        0 => String::new(),
        untagged => format!(", {untagged} without a tag"),
    };
    let least = if page.next.is_some() { "At least " } else { "" };
    // Only a version that has a place in the order lies in a range.
    let is_known = page.items.iter().any(|item| !item["in_range"].is_null());
    let (image, hold) = if images == 1 { ("image", "holds") } else { ("images", "hold") };
    let project = if projects == 1 { "project" } else { "projects" };
    if page.items.first().is_some_and(|item| item["finding"].is_object()) {
        // Each is of its image; as texts they are in the order of time, to the second.
        let since = page.items.iter().filter_map(|item| item["finding"]["since"].as_str()).min();
        // A record about several is asked for by its own name.
        let vulnerabilities = vulnerabilities(&page.items);
        let name = match vulnerabilities.first() {
            Some(name) if vulnerabilities.len() == 1 => (*name).to_owned(),
            _ => format!("{} vulnerabilities of {pattern}", vulnerabilities.len()),
        };
        let worst =
            page.items.iter().filter_map(|item| item["finding"]["severity"].as_str()).max_by_key(|level| rank(level));
        return format!(
            "{least}{images} {image} in {projects} {project} {} {name}, {}, here since {}{untagged} ({milliseconds} ms)",
            if images == 1 { "has" } else { "have" },
            worst.unwrap_or("of unknown severity"),
            since.and_then(|since| since.get(..10)).unwrap_or("-"),
        );
    }
    if !is_known {
        return format!(
            "{least}{images} {image} in {projects} {project} may hold it, in a version that has no order{untagged} ({milliseconds} ms)"
        );
    }
    format!("{least}{images} {image} in {projects} {project} {hold} it{untagged} ({milliseconds} ms)")
}

/// Returns the names of the vulnerabilities by which something was found.
fn vulnerabilities(items: &[Value]) -> BTreeSet<&str> {
    items.iter().filter_map(|item| item["finding"]["vulnerability"].as_str()).collect()
}

/// Returns the place of a severity in their order.
fn rank(level: &str) -> usize {
    ["negligible", "low", "medium", "high", "critical"].iter().position(|known| *known == level).unwrap_or(0)
}

fn table(items: &[Value]) -> Table {
    let mut table = Table::new(COLUMNS.to_vec());
    let is_of_several = vulnerabilities(items).len() > 1;
    for item in items {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let tags: Vec<&str> = item["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let total = |name: &str, shown: usize| {
            item[name].as_u64().map_or(shown, |total| usize::try_from(total).unwrap_or(usize::MAX))
        };
        let cut = total("tags_total", tags.len()).saturating_sub(tags.len());
        let mut tags = if tags.is_empty() { shortened(item) } else { tags.join(", ") };
        if cut > 0 {
            let _infallible = write!(tags, " and {cut} more");
        }
        let of = item["finding"]["vulnerability"].as_str().filter(|_| is_of_several);
        let of = of.map(|of| format!(" ({of})")).unwrap_or_default();
        let order = if item["in_range"].is_null() { " (not ordered)" } else { "" };
        let places = item["places"].as_array().map(Vec::as_slice).unwrap_or_default();
        let more = total("places_total", places.len()).saturating_sub(1);
        let path = places.first().and_then(|place| place["path"].as_str()).unwrap_or("-");
        let path = if more == 0 { path.to_owned() } else { format!("{path} and {more} more") };
        let pushed = text("pushed_at");
        table.row(&[
            text("repository"),
            tags,
            format!("{} {}{order}{}{of}", text("name"), item["version"].as_str().unwrap_or("-"), fix(item)),
            path,
            pushed.get(..10).unwrap_or(&pushed).to_owned(),
            text("pushed_by"),
        ]);
    }
    table
}

/// Returns what mends the vulnerability that was looked for.
fn fix(item: &Value) -> String {
    match (&item["finding"], item["finding"]["fixed"].as_str()) {
        (_, Some(fixed)) => format!(" -> {fixed}"),
        (Value::Object(_), None) => " (no fix)".to_owned(),
        _ => String::new(),
    }
}

/// Returns the beginning of an untagged image's digest.
fn shortened(item: &Value) -> String {
    item["digest"]
        .as_str()
        .and_then(|text| text.parse::<oci::Digest>().ok())
        .map_or_else(String::new, |digest| digest.short())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(repository: &str, digest: &str) -> Value {
        json!({
            "repository": repository, "digest": digest, "tags": ["1.3", "1.4"], "name": "log4j-core", "version": "2.14.1",
            "in_range": true, "pushed_at": "2026-11-02T10:04:05Z", "pushed_by": "robot:ci",
            "places": [{"path": "/app.jar > BOOT-INF/lib/log4j-core-2.14.1.jar"}, {"path": "/b.jar"}],
        })
    }

    #[test]
    fn the_answer_counts_images_and_projects() {
        let page = |items, next: Option<&str>| Page { items, next: next.map(str::to_owned) };
        let one = page(vec![item("team/api", "a"), item("team/api", "a")], None);
        assert_eq!(answer("log4j-core", &one, 4), "1 image in 1 project holds it (4 ms)");
        let mut unordered = item("team/api", "a");
        unordered["in_range"] = Value::Null;
        let told = "1 image in 1 project may hold it, in a version that has no order (4 ms)";
        assert_eq!(answer("log4j-core", &page(vec![unordered.clone()], None), 4), told);
        let both = page(vec![unordered, item("team/api", "a")], None);
        assert_eq!(answer("log4j-core", &both, 4), "1 image in 1 project holds it (4 ms)");
        let mut found = item("team/api", "a");
        found["finding"] = json!({
            "vulnerability": "CVE-2021-44228", "severity": "critical", "fixed": "2.17.1", "since": "2026-11-02T10:04:05Z",
        });
        let vulnerable = page(vec![found], None);
        let told = "1 image in 1 project has CVE-2021-44228, critical, here since 2026-11-02 (4 ms)";
        assert_eq!(answer("CVE-2021-44228", &vulnerable, 4), told);
        assert!(table(&vulnerable.items).render(140).contains("log4j-core 2.14.1 -> 2.17.1"));
        let two = page(
            [("CVE-2021-0001", "2026-11-03T10:04:05Z"), ("CVE-2021-0002", "2026-11-02T10:04:05Z")]
                .map(|(name, since)| {
                    let mut found = item("team/api", "a");
                    found["finding"] = json!({"vulnerability": name, "severity": "high", "since": since});
                    found
                })
                .into(),
            None,
        );
        let told = "1 image in 1 project has 2 vulnerabilities of DSA-1-1, high, here since 2026-11-02 (4 ms)";
        assert_eq!(answer("DSA-1-1", &two, 4), told);
        assert!(table(&two.items).render(200).contains("log4j-core 2.14.1 (no fix) (CVE-2021-0002)"));
        let mut untagged = item("team/api", "b");
        untagged["tags"] = json!([]);
        let some = page(vec![item("team/api", "a"), untagged.clone(), untagged], None);
        assert_eq!(answer("log4j-core", &some, 4), "2 images in 1 project hold it, 1 without a tag (4 ms)");
        let more = page(vec![item("team/api", "a"), item("team/web", "a"), item("data/x", "b")], Some("c"));
        assert_eq!(answer("log4j-core", &more, 5), "At least 3 images in 2 projects hold it (5 ms)");
    }

    #[test]
    fn nothing_in_a_range_is_not_nothing() {
        for (range, others_are, expected) in [
            (None, false, "No image that you may pull has a."),
            (Some("<2"), false, "No image that you may pull has a, neither <2 nor another version."),
            (Some("<2"), true, "No image that you may pull has a <2; some have other versions: `garrison find a`"),
        ] {
            assert_eq!(nowhere("a", range, others_are), expected);
        }
    }

    #[test]
    fn nothing_is_no_answer_where_no_advisory_speaks_of_it() {
        for (record, begins) in [
            ("absent", Some("Not known: no advisory in the hub speaks of CVE-1; an image may have it")),
            (
                "no_database",
                Some("Not known: the hub has no advisories, so that nothing says which images have CVE-1."),
            ),
            ("present", None),
            ("another", None),
        ] {
            let told = unheard_of("CVE-1", record);
            assert_eq!(told.is_some(), begins.is_some(), "{record}");
            assert!(told.unwrap_or_default().starts_with(begins.unwrap_or_default()), "{record}");
        }
    }

    #[test]
    fn a_whole_name_that_nothing_has_is_told_with_what_names_are() {
        let hint = other_names("openssl").unwrap();
        assert!(hint.ends_with("`garrison find 'openssl*'` takes it as a beginning"), "{hint}");
        for pattern in ["openssl*", "pkg:npm/lodash", "pkg:npm/lodash@1", "pkg:npm/*", "CVE-2024-0001", ""] {
            assert_eq!(other_names(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn rows_say_where_it_is() {
        let mut cut = item("team/all", "a");
        (cut["tags_total"], cut["places_total"]) = (json!(12), json!(40));
        let untagged = json!({"repository": "team/web", "digest": format!("sha256:{}", "ab".repeat(32)), "name": "x", "in_range": null});
        insta::assert_snapshot!(table(&[item("team/api", "a"), cut, untagged]).render(140).trim_end());
    }
}
