//! Version orders against the programs that own them, on random pairs: dpkg, rpm, packaging and Maven.
//!
//! `GARRISON_VERSION_PAIRS` says how many pairs each; the seed is fixed, and printed with a difference.

use std::cmp::Ordering;
use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use component::Scheme;

/// How many pairs are asked without `GARRISON_VERSION_PAIRS`.
const PAIRS: usize = 2000;

/// How many of them `dpkg` itself is asked, a process each; Perl's `Dpkg::Version` is asked all.
const PAIRS_A_PROCESS: usize = 100;

const SEED: u64 = 0x6761_7272_6973_6f6e;

/// Splitmix64: all that is needed of a generator here.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn pick<'a>(&mut self, parts: &[&'a str]) -> &'a str {
        parts[self.below(parts.len())]
    }
}

const NUMBERS: [&str; 12] =
    ["0", "1", "2", "9", "10", "00", "01", "007", "11", "100", "20240101", "99999999999999999999"];

fn version(scheme: Scheme, random: &mut Random) -> String {
    let mut text = String::new();
    let parts: &[&str] = match scheme {
        Scheme::Deb => {
            &[".", ".", "+", "~", "-", "a", "b", "z", "A", "rc", "~rc", "+dfsg", "~~", "+b1", "ubuntu", "-1", "~bpo"]
        }
        Scheme::Rpm => {
            &[".", ".", "_", "~", "^", "a", "b", "Z", "rc", "~rc", "^git", "fc", "..", "+", "-1", "~~", "^^", "el"]
        }
        Scheme::Pep440 => &[],
        _ => &[
            ".", ".", "-", "-", "a", "b", "m", "rc", "cr", "ga", "final", "RELEASE", "sp", "snapshot", "x", "alpha",
            "_", "+", "--", "..", "Beta",
        ],
    };
    if scheme == Scheme::Pep440 {
        return python_version(random);
    }
    if random.below(6) == 0 && scheme != Scheme::Maven {
        text.push_str(random.pick(&["0:", "1:", "2:", "00:", "10:"]));
    }
    text.push_str(random.pick(&NUMBERS));
    for _ in 0..random.below(6) {
        text.push_str(random.pick(parts));
        if random.below(3) > 0 {
            text.push_str(random.pick(&NUMBERS));
        }
    }
    text
}

fn python_version(random: &mut Random) -> String {
    let mut text = random.pick(&["", "", "", "", "0!", "1!", "v", "V1!"]).to_owned();
    text.push_str(random.pick(&NUMBERS));
    for _ in 0..random.below(4) {
        text.push('.');
        text.push_str(random.pick(&NUMBERS));
    }
    for words in
        [&["a", "b", "rc", "c", "alpha", "BETA", "pre", "preview"][..], &["post", "rev", "r", "Post"], &["dev", "DEV"]]
    {
        if random.below(3) == 0 {
            text.push_str(random.pick(&["", ".", "-", "_"]));
            text.push_str(random.pick(words));
            text.push_str(random.pick(&["", "", ".", "-", "_"]));
            if random.below(4) > 0 {
                text.push_str(random.pick(&NUMBERS));
            }
        }
    }
    if random.below(10) == 0 {
        text.push('-');
        text.push_str(random.pick(&NUMBERS));
    }
    if random.below(4) == 0 {
        text.push('+');
        text.push_str(random.pick(&["1", "01", "a", "A", "abc", "1a", "2"]));
        for _ in 0..random.below(3) {
            text.push_str(random.pick(&[".", "-", "_"]));
            text.push_str(random.pick(&["1", "10", "a", "B", "1a", "0"]));
        }
    }
    text
}

/// Two versions, the second of which is often but a little different from the first.
fn pair(scheme: Scheme, random: &mut Random) -> (String, String) {
    let left = version(scheme, random);
    let right = match random.below(3) {
        0 => version(scheme, random),
        1 => {
            let cut = random.below(left.len() + 1);
            format!("{}{}", &left[..cut], random.pick(&["", "0", "1", ".0", "~", "a", "-1", ".1", "rc1", ".0.0"]))
        }
        _ => left.replacen(random.pick(&["1", "0", "2", ".", "a"]), random.pick(&["0", "10", "1", "01", "."]), 1),
    };
    if random.below(2) == 0 { (left, right) } else { (right, left) }
}

fn pairs(scheme: Scheme) -> Vec<(String, String)> {
    pairs_of(scheme, |_| true)
}

fn pairs_of(scheme: Scheme, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let count = env::var("GARRISON_VERSION_PAIRS").map_or(PAIRS, |count| count.parse().unwrap());
    let mut random = Random(SEED);
    let pairs = std::iter::repeat_with(|| pair(scheme, &mut random));
    pairs.filter(|(left, right)| is_wanted(left) && is_wanted(right)).take(count).collect()
}

/// Feeds the pairs to a program, which answers each with a line: -1, 0, 1, or anything else for "no version".
fn ask(mut command: Command, pairs: &[(String, String)]) -> Vec<Option<Ordering>> {
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
    eprintln!("SKIPPED: python3 has no module `packaging`");
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
        eprintln!("SKIPPED: no GARRISON_MAVEN_ARTIFACT");
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
