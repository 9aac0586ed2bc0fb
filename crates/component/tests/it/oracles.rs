//! Version orders against the programs that own them, on random pairs: dpkg, rpm, packaging, Maven, node-semver, `RubyGems`,
//! Go, Composer, libalpm and Elixir.
//!
//! `GARRISON_VERSION_PAIRS` says how many pairs each; the seed is fixed, and printed with a difference.

use std::cmp::Ordering;
use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use component::Scheme;

use crate::pairs::{PAIRS, SEED, pairs, pairs_of};

/// How many of them `dpkg` itself is asked, a process each; Perl's `Dpkg::Version` is asked all.
const PAIRS_A_PROCESS: usize = 100;

/// Feeds the pairs to a program, which answers each with a line: -1, 0, 1, or anything else for "no version".
pub(crate) fn ask(mut command: Command, pairs: &[(String, String)]) -> Vec<Option<Ordering>> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = String::new();
    for (left, right) in pairs {
        writeln!(input, "{left}\t{right}").unwrap();
    }
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "the program failed");
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = answers.lines().map(|line| line.parse::<i32>().ok().map(|sign| sign.cmp(&0))).collect();
    assert_eq!(answers.len(), pairs.len(), "an answer for each pair");
    answers
}

/// `takes_more` marks the program that orders what is, by its own documentation, no version.
#[expect(clippy::print_stdout, reason = "how many pairs were asked is what the run is for")]
fn check(scheme: Scheme, pairs: &[(String, String)], answers: &[Option<Ordering>], takes_more: bool) {
    let mut differences = Vec::new();
    let mut ordered = 0;
    for ((left, right), answer) in pairs.iter().zip(answers) {
        let found = scheme.compare(left, right).ok();
        ordered += usize::from(found.is_some());
        if found != *answer && !(takes_more && found.is_none()) {
            differences.push(format!("{left} {right}: found {found:?}, expected {answer:?}"));
        }
    }
    println!("{scheme}: {} pairs, {ordered} ordered, {} differences", pairs.len(), differences.len());
    differences.truncate(20);
    assert!(differences.is_empty(), "seed {SEED:#x}:\n{}", differences.join("\n"));
    assert!(ordered > pairs.len() / 2, "only {ordered} were versions");
}

#[test]
fn dpkg() {
    let pairs = pairs(Scheme::Deb);
    if let Some(perl) = testkit::program("perl")
        && Command::new(&perl).args(["-MDpkg::Version", "-e", "1"]).stderr(Stdio::null()).status().unwrap().success()
    {
        let mut command = Command::new(perl);
        command.args(["-MDpkg::Version", "-ne", PERL]);
        // `Dpkg::Version` refuses what begins with no digit; dpkg itself warns, and orders it. And it holds numbers as
        // floating point, where dpkg goes by their digits.
        let begins_well = |version: &str| {
            let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
            let is_exact = version.split(|character: char| !character.is_ascii_digit()).all(|digits| digits.len() < 16);
            is_exact && upstream.starts_with(|first: char| first.is_ascii_digit())
        };
        let strict = pairs_of(Scheme::Deb, begins_well);
        check(Scheme::Deb, &strict, &ask(command, &strict), true);
    }
    let Some(dpkg) = testkit::program("dpkg") else { return };
    let some = &pairs[..pairs.len().min(PAIRS_A_PROCESS * (pairs.len() / PAIRS).max(1))];
    let is = |relation: &str, left: &str, right: &str| {
        let arguments = ["--compare-versions", left, relation, right];
        Command::new(&dpkg).args(arguments).stderr(Stdio::null()).status().unwrap().code() == Some(0)
    };
    let answers: Vec<_> = some
        .iter()
        .map(|(left, right)| match (is("lt", left, right), is("gt", left, right), is("eq", left, right)) {
            (true, false, false) => Some(Ordering::Less),
            (false, true, false) => Some(Ordering::Greater),
            (false, false, true) => Some(Ordering::Equal),
            _ => None,
        })
        .collect();
    check(Scheme::Deb, some, &answers, true);
}

const PERL: &str = r#"BEGIN { $| = 0 } chomp; my ($a, $b) = split /\t/, $_, -1; my $r = eval { version_compare($a, $b) };
    print defined $r ? $r <=> 0 : "x", "\n";"#;

#[test]
fn rpm() {
    let Some(rpm) = testkit::program("rpm") else { return };
    let pairs = pairs(Scheme::Rpm);
    let mut answers = Vec::new();
    // One process for many pairs: a Lua script in an argument, whose length is bounded.
    for some in pairs.chunks(150) {
        let mut script = String::from("%{lua: local o = {} ");
        for (left, right) in some {
            write!(script, "do local ok, r = pcall(rpm.vercmp, '{left}', '{right}') o[#o+1] = ok and r or 'x' end ")
                .unwrap();
        }
        script.push_str("print(table.concat(o, ' '))}");
        let output = Command::new(&rpm).args(["--eval", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let signs = text.split_whitespace();
        answers.extend(signs.map(|sign| sign.parse::<f64>().ok().and_then(|sign| sign.partial_cmp(&0.0))));
    }
    assert_eq!(answers.len(), pairs.len(), "an answer for each pair");
    check(Scheme::Rpm, &pairs, &answers, true);
}

#[test]
fn python_packaging() {
    let Some(python) = testkit::program("python3") else { return };
    for library in ["packaging", "pip._vendor.packaging"] {
        let import = format!("from {library}.version import Version");
        if Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status().unwrap().success() {
            let mut command = Command::new(&python);
            command.args(["-c", &format!("{import}\n{PYTHON}")]);
            let pairs = pairs(Scheme::Pep440);
            check(Scheme::Pep440, &pairs, &ask(command, &pairs), false);
            return;
        }
    }
    testkit::announce("python3 has no module `packaging`");
}

const PYTHON: &str = "
import sys
for line in sys.stdin:
    left, right = line.rstrip('\\n').split('\\t')
    try:
        left, right = Version(left), Version(right)
        print((left > right) - (left < right))
    except ValueError:
        print('x')
";

/// A jar of maven-artifact 3.9 and a Java compiler: `GARRISON_MAVEN_ARTIFACT` says where the jar is.
#[test]
fn maven() {
    let Some(jar) = env::var_os("GARRISON_MAVEN_ARTIFACT") else {
        testkit::announce("no GARRISON_MAVEN_ARTIFACT, the path of a jar of maven-artifact");
        return;
    };
    let Some(java) = testkit::program("java") else { return };
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("Order.java");
    std::fs::write(&source, JAVA).unwrap();
    let mut command = Command::new(java);
    command.arg("-cp").arg(jar).arg(source);
    let pairs = pairs(Scheme::Maven);
    check(Scheme::Maven, &pairs, &ask(command, &pairs), true);
}

const JAVA: &str = r#"
import java.io.*;
import org.apache.maven.artifact.versioning.ComparableVersion;

class Order {
    public static void main(String[] arguments) throws IOException {
        var input = new BufferedReader(new InputStreamReader(System.in));
        var output = new StringBuilder();
        for (String line; (line = input.readLine()) != null;) {
            String[] pair = line.split("\t", -1);
            int order = new ComparableVersion(pair[0]).compareTo(new ComparableVersion(pair[1]));
            output.append(Integer.signum(order)).append('\n');
        }
        System.out.print(output);
    }
}
"#;

#[test]
fn node_semver() {
    let Some(mut command) = node_with_semver() else { return };
    command.arg(JAVASCRIPT);
    let pairs = pairs(Scheme::Npm);
    check(Scheme::Npm, &pairs, &ask(command, &pairs), false);
}

/// Node that runs the text which is its last argument, and has the module `semver` of npm: `NODE_PATH` says where that is.
pub(crate) fn node_with_semver() -> Option<Command> {
    let node = testkit::program("node")?;
    if !answers(Command::new(&node).args(["-e", "require('semver')"])) {
        testkit::announce("node has no module `semver`; set NODE_PATH");
        return None;
    }
    let mut command = Command::new(node);
    command.arg("-e");
    Some(command)
}

const JAVASCRIPT: &str = r"
const semver = require('semver');
const lines = require('fs').readFileSync(0, 'utf8').split('\n').slice(0, -1);
console.log(lines.map((line) => {
    const [left, right] = line.split('\t').map((text) => semver.parse(text, true));
    return left && right ? left.compare(right) : 'x';
}).join('\n'));
";

#[test]
fn rubygems() {
    let Some(ruby) = testkit::program("ruby") else { return };
    let mut command = Command::new(ruby);
    command.args(["-e", RUBY]);
    // An empty text is version 0 for RubyGems alone.
    let pairs = pairs_of(Scheme::Gem, |version| !version.is_empty());
    check(Scheme::Gem, &pairs, &ask(command, &pairs), false);
}

const RUBY: &str = r#"
STDIN.each_line(chomp: true) do |line|
  left, right = line.split("\t", -1)
  puts((Gem::Version.new(left) <=> Gem::Version.new(right)) || "x") rescue puts "x"
end
"#;

/// `golang.org/x/mod/semver`, whose source is compiled beside a program that asks it.
#[test]
fn go_semver() {
    let Some(go) = testkit::program("go") else { return };
    let Some(module) = testkit::go_module("golang.org/x/mod", "v0.29.0") else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir(path("semver")).unwrap();
    std::fs::copy(module.join("semver/semver.go"), path("semver/semver.go")).unwrap();
    std::fs::write(path("go.mod"), "module order\n\ngo 1.21\n").unwrap();
    std::fs::write(path("main.go"), GO).unwrap();
    let built = Command::new(go)
        .args(["build", "-o", "order", "."])
        .current_dir(directory.path())
        .env("GOFLAGS", "-mod=mod")
        .env("GOWORK", "off")
        .status();
    assert!(built.unwrap().success(), "go failed to build");
    // The leading `v`, which databases leave out, Go itself requires.
    let pairs = pairs_of(Scheme::Go, |version| version.starts_with('v'));
    check(Scheme::Go, &pairs, &ask(Command::new(path("order")), &pairs), false);
}

const GO: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"order/semver"
)

func main() {
	input := bufio.NewScanner(os.Stdin)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for input.Scan() {
		left, right, _ := strings.Cut(input.Text(), "\t")
		if semver.IsValid(left) && semver.IsValid(right) {
			fmt.Fprintln(output, semver.Compare(left, right))
		} else {
			fmt.Fprintln(output, "x")
		}
	}
}
"#;

#[test]
fn composer() {
    let Some(mut command) = composer_semver() else { return };
    command.arg(PHP);
    let is_wanted = |version: &str| {
        let groups = |text: &str| -> Vec<usize> {
            text.split(|character: char| !character.is_ascii_digit()).map(str::len).collect()
        };
        // PHP holds 63 bits.
        let is_exact = groups(version).into_iter().all(|digits| digits < 19);
        // Releases before 3.4 read a date with one number less at its end: here it has pairs of digits alone.
        let numbers = version.trim_start_matches(['v', 'V']);
        let end = numbers.find(|character: char| !character.is_ascii_digit() && !".:-".contains(character));
        let numbers = &numbers[..end.unwrap_or(numbers.len())];
        let date = groups(numbers);
        let is_date = date[0] > 5 || (date[0] == 4 && (date.len() > 4 || numbers.contains(['-', ':'])));
        let has_pairs = date.iter().all(|digits| digits % 2 == 0) && date.iter().sum::<usize>() <= 16;
        is_exact && (!is_date || has_pairs)
    };
    let pairs = pairs_of(Scheme::Composer, is_wanted);
    check(Scheme::Composer, &pairs, &ask(command, &pairs), false);
}

/// PHP that has loaded composer/semver, and runs the text that is its last argument: it is Debian's `php-composer-semver`, or
/// what the file loads that `GARRISON_COMPOSER_SEMVER` names.
pub(crate) fn composer_semver() -> Option<Command> {
    let php = testkit::program("php")?;
    let loader = env::var("GARRISON_COMPOSER_SEMVER").unwrap_or_else(|_| "Composer/Semver/autoload.php".to_owned());
    if !answers(Command::new(&php).args(["-r", "exit((int) !@include $argv[1]);", &loader])) {
        testkit::announce("php has no composer/semver; set GARRISON_COMPOSER_SEMVER");
        return None;
    }
    let mut command = Command::new(php);
    command.args(["-r", "require $argv[1]; eval($argv[2]);", &loader]);
    Some(command)
}

const PHP: &str = r#"
use Composer\Semver\{Comparator, VersionParser};
$parser = new VersionParser();
while (($line = fgets(STDIN)) !== false) {
    try {
        [$left, $right] = array_map([$parser, 'normalize'], explode("\t", rtrim($line, "\n")));
        $order = 'x';
        foreach ([-1 => '<', 0 => '==', 1 => '>'] as $sign => $operator) {
            if (Comparator::compare($left, $operator, $right)) {
                $order = $sign;
            }
        }
        echo $order, "\n";
    } catch (UnexpectedValueException) {
        echo "x\n";
    }
}
"#;

/// libalpm of pacman, called by Python.
#[test]
fn libalpm() {
    let Some(python) = testkit::program("python3") else { return };
    let mut command = Command::new(python);
    command.args(["-c", ALPM]);
    if !answers(&mut command) {
        testkit::announce("python3 finds no libalpm of pacman");
        return;
    }
    let pairs = pairs(Scheme::Pacman);
    check(Scheme::Pacman, &pairs, &ask(command, &pairs), true);
}

const ALPM: &str = "
import ctypes, sys
for release in range(12, 20):
    try:
        library = ctypes.CDLL('libalpm.so.%d' % release)
        break
    except OSError:
        pass
else:
    sys.exit(1)
for line in sys.stdin:
    left, right = line.rstrip('\\n').encode().split(b'\\t')
    print(library.alpm_pkg_vercmp(left, right))
";

#[test]
fn elixir() {
    let Some(elixir) = testkit::program("elixir") else { return };
    let mut command = Command::new(elixir);
    command.args(["-e", ELIXIR]);
    let pairs = pairs(Scheme::Hex);
    check(Scheme::Hex, &pairs, &ask(command, &pairs), false);
}

const ELIXIR: &str = r#"
for line <- IO.stream(:stdio, :line) do
  [left, right] = line |> String.trim_trailing("\n") |> String.split("\t") |> Enum.map(&Version.parse/1)
  order =
    case {left, right} do
      {{:ok, left}, {:ok, right}} -> %{lt: -1, eq: 0, gt: 1}[Version.compare(left, right)]
      _ -> "x"
    end
  IO.puts(order)
end
"#;

/// Tells whether a program ends well when it is asked nothing.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}
