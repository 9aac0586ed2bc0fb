//! Random versions of each scheme, in pairs of which many are but a little different.

use std::env;

use component::Scheme;

/// How many pairs there are without `GARRISON_VERSION_PAIRS`.
pub(crate) const PAIRS: usize = 2000;

pub(crate) const SEED: u64 = 0x6761_7272_6973_6f6e;

/// Returns how many pairs are asked.
pub(crate) fn count() -> usize {
    env::var("GARRISON_VERSION_PAIRS").map_or(PAIRS, |count| count.parse().unwrap())
}

/// Splitmix64: all that is needed of a generator here.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, parts: &[&'a str]) -> &'a str {
        parts[self.below(parts.len())]
    }

    /// Picks the last, which most readers refuse, less often than the others.
    fn rarely_last<'a>(&mut self, parts: &[&'a str]) -> &'a str {
        let end = if self.below(24) == 0 { parts.len() } else { parts.len() - 1 };
        self.pick(&parts[..end])
    }
}

const NUMBERS: [&str; 12] =
    ["0", "1", "2", "9", "10", "00", "01", "007", "11", "100", "20240101", "99999999999999999999"];

pub(crate) fn version(scheme: Scheme, random: &mut Random) -> String {
    match scheme {
        Scheme::Pep440 => return python_version(random),
        Scheme::Npm | Scheme::Semver | Scheme::Go | Scheme::Nuget | Scheme::Hex | Scheme::Pub => {
            return semantic_version(scheme, random);
        }
        Scheme::Composer => return composer_version(random),
        _ => {}
    }
    let mut text = String::new();
    let parts: &[&str] = match scheme {
        Scheme::Deb => {
            &[".", ".", "+", "~", "-", "a", "b", "z", "A", "rc", "~rc", "+dfsg", "~~", "+b1", "ubuntu", "-1", "~bpo"]
        }
        Scheme::Rpm => {
            &[".", ".", "_", "~", "^", "a", "b", "Z", "rc", "~rc", "^git", "fc", "..", "+", "-1", "~~", "^^", "el"]
        }
        Scheme::Pacman => {
            &[".", ".", "..", "_", "+", "a", "b", "rc", "alpha", ".r", ".g", "._", "-1", "-2", "Z", "._."]
        }
        Scheme::Gem => &[".", ".", ".", ".a", ".rc", ".pre.", "a", "b", "-", "-rc", ".Z", "z", ".0"],
        _ => &[
            ".", ".", "-", "-", "a", "b", "m", "rc", "cr", "ga", "final", "RELEASE", "sp", "snapshot", "x", "alpha",
            "_", "+", "--", "..", "Beta",
        ],
    };
    if random.below(6) == 0 && !matches!(scheme, Scheme::Maven | Scheme::Gem) {
        text.push_str(random.pick(&["0:", "1:", "2:", "00:", "10:"]));
    }
    text.push_str(random.pick(&NUMBERS));
    for _ in 0..random.below(6) {
        let part = random.pick(parts);
        text.push_str(part);
        if random.below(3) > 0 || (scheme == Scheme::Gem && part.ends_with(['.', '-'])) {
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

/// Numbers, a prerelease and build metadata, each with what only some readers take.
fn semantic_version(scheme: Scheme, random: &mut Random) -> String {
    let mut text = match scheme {
        Scheme::Go => "v",
        Scheme::Npm => random.pick(&["", "", "", "v", "=", " v", "= v"]),
        _ => "",
    }
    .to_owned();
    let count = match random.below(30) {
        0 => 2,
        1 => 4,
        _ => 3,
    };
    for index in 0..count {
        text.push_str(if index > 0 { "." } else { "" });
        text.push_str(random.rarely_last(&["0", "1", "2", "9", "10", "11", "100", "20240101", "01"]));
    }
    for (separator, chance) in [("-", 2), ("+", 4)] {
        if random.below(chance) > 0 {
            continue;
        }
        text.push_str(if scheme == Scheme::Npm && random.below(6) == 0 { "" } else { separator });
        for index in 0..=random.below(3) {
            text.push_str(if index > 0 { "." } else { "" });
            let parts = [
                "0",
                "1",
                "2",
                "10",
                "alpha",
                "beta",
                "rc",
                "Beta",
                "a",
                "rc1",
                "x-y",
                "-1",
                "-",
                "1a",
                "0a",
                "99999999999",
                "01",
            ];
            text.push_str(random.rarely_last(&parts));
        }
    }
    text
}

fn composer_version(random: &mut Random) -> String {
    let mut text = random.pick(&["", "", "", "v", "V"]).to_owned();
    match random.below(10) {
        0 => {
            return random
                .pick(&["dev-main", "dev-master", "master", "dev-1.0", "DEV-x", "dev-a/b", "trunk"])
                .to_owned();
        }
        1 => text.push_str(random.pick(&[
            "20240101",
            "2024-01-02",
            "2024.01.02",
            "202401021230",
            "2024-01-02-1230",
            "2024:01",
        ])),
        2 => {
            text.push_str(random.pick(&["1.x", "1.0.x", "1.*", "2.X", "1.x.x", "0.x", "123456.x"]));
            text.push_str(random.pick(&["-dev", ".dev", "dev"]));
            return text;
        }
        _ => {
            for index in 0..=random.below(5).min(3) {
                text.push_str(if index > 0 { "." } else { "" });
                text.push_str(random.pick(&NUMBERS[..11]));
            }
        }
    }
    if random.below(2) == 0 {
        text.push_str(random.pick(&["-", "-", "", ".", "_"]));
        text.push_str(
            random.pick(&["alpha", "a", "beta", "b", "RC", "rc", "p", "pl", "patch", "stable", "Beta", "Stable"]),
        );
        for _ in 0..random.below(3) {
            text.push_str(random.pick(&["", "", ".", "-"]));
            text.push_str(random.pick(&["1", "2", "10", "0", "01"]));
        }
    }
    text.push_str(random.pick(&["", "", "", "", "", "-dev", ".dev", "dev", "+build", "@beta", "-"]));
    text
}

/// Two versions, the second of which is often but a little different from the first.
pub(crate) fn pair(scheme: Scheme, random: &mut Random) -> (String, String) {
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

pub(crate) fn pairs(scheme: Scheme) -> Vec<(String, String)> {
    pairs_of(scheme, |_| true)
}

pub(crate) fn pairs_of(scheme: Scheme, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let count = count();
    let mut random = Random(SEED);
    let pairs = std::iter::repeat_with(|| pair(scheme, &mut random));
    pairs.filter(|(left, right)| is_wanted(left) && is_wanted(right)).take(count).collect()
}
