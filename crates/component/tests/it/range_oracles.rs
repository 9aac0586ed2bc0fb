//! Ranges against the programs that own them, on random ranges and versions: node-semver, `RubyGems`, Composer and Elixir.
//!
//! `GARRISON_VERSION_PAIRS` says how many each; the seed is fixed, and printed with a difference.

use std::cmp::Ordering;
use std::process::Command;

use component::{Prereleases, Range, Scheme};

use crate::oracles::{ask, composer_semver, node_with_semver};
use crate::pairs::{Random, SEED, count, pair, version};

/// A range, and a version that is often one of its bounds or near to one.
fn case(scheme: Scheme, random: &mut Random) -> (String, String) {
    let (near, tested) = pair(scheme, random);
    let mut range = term(scheme, near, random);
    for _ in 0..random.below(3) {
        let next = version(scheme, random);
        range.push_str(random.pick(match scheme {
            Scheme::Gem => &[", "],
            Scheme::Hex => &[" and ", " or "],
            Scheme::Composer => &[" ", ",", ", ", "||", " || ", " | "],
            _ => &[" ", " ", "||", " || "],
        }));
        range.push_str(&term(scheme, next, random));
    }
    (range, tested)
}

fn term(scheme: Scheme, bound: String, random: &mut Random) -> String {
    let symbols: &[&str] = match scheme {
        Scheme::Gem => &["", "=", "!=", ">", ">=", "<", "<=", "~>", "~> ", ">= "],
        Scheme::Hex => &["", "==", "!=", ">", ">=", "<", "<=", "~>", "~> ", ">= "],
        Scheme::Composer => &["", "=", "==", "!=", "<>", ">", ">=", "<", "<=", "~", "^", "^", "~", ">= "],
        _ => &["", "=", ">", ">=", "<", "<=", "~", "^", "~>", "^", ">= "],
    };
    // After a comparison npm passes over a version that has more before its numbers.
    let bound = if scheme == Scheme::Npm { bound.trim_start_matches([' ', '=']).to_owned() } else { bound };
    let bound = match (scheme, random.below(6)) {
        (Scheme::Hex, 0) => bound.replacen(".0", "", 1),
        (Scheme::Npm | Scheme::Composer, 0) => {
            let kept: Vec<&str> = bound.split('.').take(random.below(3) + 1).collect();
            let wild = random.pick(&["", ".x", ".*", ".X.x"]);
            format!("{}{wild}", kept.join("."))
        }
        (Scheme::Npm | Scheme::Composer, 1) if !bound.starts_with(['d', 'D', 'm', 't']) => {
            return format!("{bound} - {}", version(scheme, random).trim_start_matches([' ', '=']));
        }
        (Scheme::Composer, 2) => {
            format!("{bound}{}", random.pick(&["@dev", "@RC", "@beta", "@stable", "#a1"]))
        }
        _ => bound,
    };
    format!("{}{bound}", random.pick(symbols))
}

#[expect(clippy::print_stdout, reason = "how many were asked is what the run is for")]
fn check(scheme: Scheme, prereleases: Prereleases, command: Command, is_wanted: impl Fn(&str) -> bool) {
    let mut random = Random(SEED);
    let cases = std::iter::repeat_with(|| case(scheme, &mut random));
    let cases: Vec<_> = cases.filter(|(range, version)| is_wanted(range) && is_wanted(version)).take(count()).collect();
    let (mut differences, mut decided, mut inside) = (Vec::new(), 0, 0);
    for ((range, version), answer) in cases.iter().zip(ask(command, &cases)) {
        // What the program refuses may be a range here: comparisons are, of every scheme.
        let Some(answer) = answer.map(Ordering::is_gt) else { continue };
        decided += 1;
        inside += usize::from(answer);
        let found = Range::parse_with(scheme, range, prereleases).map(|range| range.contains(version));
        // In a range of npm what is no comparison is passed over by npm, and refused here.
        if found != Ok(Ok(answer)) && !(scheme == Scheme::Npm && found.is_err()) {
            differences.push(format!("{version} in {range}: found {found:?}, expected {answer}"));
        }
    }
    println!("{scheme}: {} ranges, {decided} decided, {inside} inside, {} differences", cases.len(), differences.len());
    differences.truncate(20);
    assert!(differences.is_empty(), "seed {SEED:#x}:\n{}", differences.join("\n"));
    assert!(inside > cases.len() / 20 && decided > inside, "only {decided} decided, {inside} inside");
}

#[test]
fn node_semver() {
    for (prereleases, included) in [(Prereleases::ByOrder, "true"), (Prereleases::OnlyNamed, "false")] {
        let Some(mut command) = node_with_semver() else { return };
        command.args([JAVASCRIPT, included]);
        check(Scheme::Npm, prereleases, command, |_| true);
    }
}

const JAVASCRIPT: &str = r"
const semver = require('semver');
const options = { loose: true, includePrerelease: process.argv[1] === 'true' };
const lines = require('fs').readFileSync(0, 'utf8').split('\n').slice(0, -1);
console.log(lines.map((line) => {
    const [range, version] = line.split('\t');
    if (semver.validRange(range, options) === null || !semver.parse(version, true)) return 'x';
    return semver.satisfies(version, range, options) ? 1 : 0;
}).join('\n'));
";

#[test]
fn rubygems() {
    let Some(ruby) = testkit::program("ruby") else { return };
    let mut command = Command::new(ruby);
    command.args(["-e", RUBY]);
    check(Scheme::Gem, Prereleases::ByOrder, command, |text| !text.is_empty());
}

const RUBY: &str = r#"
STDIN.each_line(chomp: true) do |line|
  range, version = line.split("\t", -1)
  puts(Gem::Requirement.new(range.split(", ")).satisfied_by?(Gem::Version.new(version)) ? 1 : 0) rescue puts "x"
end
"#;

#[test]
fn composer() {
    let Some(mut command) = composer_semver() else { return };
    command.arg(PHP);
    let is_wanted = |text: &str| {
        // PHP holds 63 bits, and releases before 3.4 read a date with one number less at its end.
        let is_exact = text.split(|character: char| !character.is_ascii_digit()).all(|digits| digits.len() < 18);
        let is_old_date = text.contains("20") && text.contains(".0.0");
        // Composer writes two words of stability behind one another, and a comma beside a hyphen parts nothing there.
        let is_refused = text.contains("-,") || (text.contains('@') && text.contains(['p', 'S']));
        is_exact && !is_old_date && !is_refused
    };
    check(Scheme::Composer, Prereleases::ByOrder, command, is_wanted);
}

const PHP: &str = r#"
use Composer\Semver\{Constraint\Constraint, VersionParser};
$parser = new VersionParser();
while (($line = fgets(STDIN)) !== false) {
    [$range, $version] = explode("\t", rtrim($line, "\n"));
    try {
        $version = new Constraint('==', $parser->normalize($version));
        echo $parser->parseConstraints($range)->matches($version) ? 1 : 0, "\n";
    } catch (UnexpectedValueException) {
        echo "x\n";
    }
}
"#;

#[test]
fn elixir() {
    let Some(elixir) = testkit::program("elixir") else { return };
    let mut command = Command::new(elixir);
    command.args(["-e", ELIXIR]).stderr(std::process::Stdio::null());
    check(Scheme::Hex, Prereleases::ByOrder, command, |_| true);
}

const ELIXIR: &str = r#"
for line <- IO.stream(:stdio, :line) do
  [range, version] = line |> String.trim_trailing("\n") |> String.split("\t")
  answer =
    with {:ok, range} <- Version.parse_requirement(range),
         {:ok, version} <- Version.parse(version) do
      if Version.match?(version, range), do: 1, else: 0
    else
      _ -> "x"
    end
  IO.puts(answer)
end
"#;

#[test]
fn a_written_range_reads_back_the_same() {
    for scheme in [Scheme::Npm, Scheme::Gem, Scheme::Composer, Scheme::Hex, Scheme::Pub, Scheme::Nuget] {
        let (mut random, mut read) = (Random(SEED), 0);
        for _ in 0..count() {
            let (text, version) = case(scheme, &mut random);
            let Ok(range) = Range::parse(scheme, &text) else { continue };
            read += 1;
            let again = Range::parse(scheme, &range.to_string());
            let again = again.unwrap_or_else(|error| panic!("{scheme}: {text} as {range}: {error}"));
            assert_eq!(again.contains(&version), range.contains(&version), "{scheme}: {version} in {text} as {range}");
            assert_eq!(again.to_string(), range.to_string(), "{scheme}: {text}");
        }
        assert!(read > count() / 20, "{scheme}: only {read} were ranges");
    }
}
