//! What `setup.py` and `setup.cfg` ask for. A `setup.py` is a program and none is run: what is read are lists of texts that are written out.
//!
//! Follows setuptools' documentation "Dependencies Management" and "Configuring setuptools using setup.cfg files", and "The Python Language Reference",
//! "Lexical analysis", as far as it takes to know what is a text and what a comment.

#![expect(clippy::cast_possible_truncation, reason = "a script has at most some megabytes")]

use std::cell::Cell;
use std::ops::Range;

use crate::ecosystems::manifests::WANTS_MAX;

/// How many names stand for names, and the longest line that is told.
const DEPTH_MAX: usize = 4;
const TOLD_CHARACTERS_MAX: usize = 60;

/// How many names are looked up in one script; each takes a look at all of it.
const LOOKUPS_MAX: usize = 100;

/// The word that says what is needed to run.
const NEEDS: &str = "install_requires";

/// What a file asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The requirements, as they are written.
    pub(crate) requirements: Vec<String>,
    /// The first place that asks for what is not written out.
    pub(crate) unread: Option<String>,
}

/// Reads the needs of a `setup.cfg`.
pub(crate) fn configured(text: &str) -> Asked {
    let mut asked = Asked::default();
    let (mut is_options, mut is_needs) = (false, false);
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let value = if line.starts_with([' ', '\t']) {
            // What is indented goes on with what stands above.
            trimmed
        } else if let Some(section) = trimmed.strip_prefix('[') {
            (is_options, is_needs) = (section.trim_end_matches(']').trim() == "options", false);
            continue;
        } else {
            let (key, value) = trimmed.split_once(['=', ':']).unwrap_or((trimmed, ""));
            is_needs = is_options && key.trim() == NEEDS;
            value.trim()
        };
        if !is_needs || value.is_empty() {
            continue;
        }
        // A list may stand in a file, which is read by its name if it is one of requirements.
        if let Some(file) = value.strip_prefix("file:").map(str::trim) {
            let is_requirements = |file: &str| {
                file.contains("requirements") && file.rsplit_once('.').is_some_and(|(_, ending)| ending == "txt")
            };
            let is_read = file.split(',').map(str::trim).all(is_requirements);
            asked.unread = asked.unread.or_else(|| (!is_read).then(|| told(value)));
        } else {
            asked.requirements.push(value.to_owned());
        }
        if asked.requirements.len() > WANTS_MAX {
            break;
        }
    }
    asked
}

/// Reads the needs of a `setup.py`.
pub(crate) fn scripted(text: &str) -> Asked {
    let tokens = tokens(text);
    let reader = Reader { text, tokens: &tokens, lookups_left: Cell::new(LOOKUPS_MAX) };
    let mut asked = Asked::default();
    for at in 0..tokens.len() {
        let value = match (tokens[at].piece, tokens.get(at + 1).map(|next| next.piece)) {
            // `install_requires=...`, but no comparison.
            (Piece::Word(NEEDS), Some(Piece::Symbol('='))) if !reader.is(at + 2, '=') => at + 2,
            // `"install_requires": ...`
            (Piece::Text(NEEDS), Some(Piece::Symbol(':'))) => at + 2,
            // `options["install_requires"] = ...`
            (Piece::Text(NEEDS), Some(Piece::Symbol(']'))) if reader.is(at + 2, '=') && !reader.is(at + 3, '=') => {
                at + 3
            }
            // `install_requires += ...`, `install_requires.append(...)`
            (Piece::Word(NEEDS), Some(Piece::Symbol('+' | '.'))) => {
                asked.unread = asked.unread.or_else(|| Some(reader.line(at)));
                continue;
            }
            _ => continue,
        };
        let mut found = Vec::new();
        let is_whole = reader.value(value, DEPTH_MAX, &mut found);
        asked.requirements.extend(found);
        if !is_whole && asked.unread.is_none() {
            asked.unread = Some(reader.line(at));
        }
        if asked.requirements.len() > WANTS_MAX {
            break;
        }
    }
    asked
}

fn told(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(TOLD_CHARACTERS_MAX)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// One piece of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Word(&'a str),
    /// A text without anything put into it.
    Text(&'a str),
    /// A text into which something is put, or of which an escape is another character.
    Made,
    Symbol(char),
    Line,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    piece: Piece<'a>,
    /// In bytes.
    at: u32,
    /// Of an opening bracket the token that closes it, or the number of tokens; of any other its own.
    close: u32,
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let (piece, length) = match character {
            '\n' => (Some(Piece::Line), 1),
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            // A line that goes on.
            '\\' => {
                (None, 1 + rest[1..].find('\n').filter(|end| rest[1..=*end].trim().is_empty()).map_or(0, |end| end + 1))
            }
            _ if character.is_whitespace() => (None, character.len_utf8()),
            '"' | '\'' => {
                let (piece, length) = quoted(rest, "");
                (Some(piece), length)
            }
            _ if is_of_word(character) => {
                let length = rest.find(|character: char| !is_of_word(character)).unwrap_or(rest.len());
                let is_prefix = length <= 2 && rest[length..].starts_with(['"', '\'']);
                if is_prefix {
                    let (piece, behind) = quoted(&rest[length..], &rest[..length]);
                    (Some(piece), length + behind)
                } else {
                    (Some(Piece::Word(&rest[..length])), length)
                }
            }
            _ => (Some(Piece::Symbol(character)), character.len_utf8()),
        };
        if let Some(piece) = piece {
            let own = tokens.len();
            match piece {
                Piece::Symbol('(' | '[' | '{') => open.push(own),
                Piece::Symbol(')' | ']' | '}') => {
                    if let Some(opened) = open.pop() {
                        tokens[opened].close = own as u32;
                    }
                }
                _ => {}
            }
            tokens.push(Token { piece, at: at as u32, close: own as u32 });
        }
        at += length;
    }
    let end = tokens.len() as u32;
    for opened in open {
        tokens[opened].close = end;
    }
    tokens
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Reads a text in quotes, behind the letters that say how it is meant. One that does not end does so at the end of its line.
fn quoted<'a>(rest: &'a str, prefix: &str) -> (Piece<'a>, usize) {
    let quote = &rest[..1];
    let triple = quote.repeat(3);
    let is_triple = rest.starts_with(&triple);
    let marks = if is_triple { 3 } else { 1 };
    let bytes = rest.as_bytes();
    let mut at = marks;
    let mut is_made = prefix.contains(['f', 'F', 'b', 'B']);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                is_made = true;
                at += 1;
            }
            b'\n' if !is_triple => break,
            _ if bytes[at..].starts_with(&triple.as_bytes()[..marks]) => {
                let piece = if is_made { Piece::Made } else { Piece::Text(&rest[marks..at]) };
                return (piece, at + marks);
            }
            _ => {}
        }
        at += 1;
    }
    let mut end = at.min(rest.len());
    while !rest.is_char_boundary(end) {
        end += 1;
    }
    (Piece::Made, end)
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    lookups_left: Cell<usize>,
}

impl<'a> Reader<'a> {
    fn piece(&self, at: usize) -> Option<Piece<'a>> {
        self.tokens.get(at).map(|token| token.piece)
    }

    fn is(&self, at: usize, symbol: char) -> bool {
        self.piece(at) == Some(Piece::Symbol(symbol))
    }

    /// Returns the line from a token on.
    fn line(&self, at: usize) -> String {
        told(self.text[self.tokens[at].at as usize..].lines().next().unwrap_or_default())
    }

    fn after_lines(&self, mut at: usize) -> usize {
        while self.piece(at) == Some(Piece::Line) {
            at += 1;
        }
        at
    }

    /// Reads the texts of a value, joined by plus signs, and says whether these are all of it.
    fn value(&self, start: usize, depth: usize, found: &mut Vec<String>) -> bool {
        let (mut at, mut is_whole) = (self.after_lines(start), true);
        let (next, end) = loop {
            let Some((is_part_whole, end)) = self.part(at, depth, found) else { return false };
            is_whole &= is_part_whole;
            let next = self.after_lines(end);
            if !self.is(next, '+') || self.is(next + 1, '=') {
                break (next, end);
            }
            at = self.after_lines(next + 1);
        };
        // A line of its own begins another statement.
        let is_end = match self.piece(next) {
            None | Some(Piece::Symbol(',' | ')' | ']' | '}')) => true,
            Some(Piece::Symbol('@')) => next > end,
            Some(Piece::Word(word)) => next > end && !matches!(word, "if" | "for" | "or" | "and"),
            _ => false,
        };
        is_whole && is_end
    }

    /// Reads one list, text or name; returns whether all of it is read, and where it ends.
    fn part(&self, at: usize, depth: usize, found: &mut Vec<String>) -> Option<(bool, usize)> {
        Some(match self.piece(at)? {
            Piece::Symbol('[' | '(') => {
                let inside = at + 1..self.tokens[at].close as usize;
                let end = inside.end + 1;
                (self.list(inside, found), end)
            }
            Piece::Text(_) => {
                let (text, end) = self.joined(at);
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                found.extend(lines.map(str::to_owned));
                (true, end)
            }
            // What is given to a name of its own is read there.
            Piece::Word("None" | NEEDS) => (true, at + 1),
            Piece::Word(name) => (self.named(name, at, depth, found), at + 1),
            _ => return None,
        })
    }

    /// Reads a list of which each part is a text.
    fn list(&self, range: Range<usize>, found: &mut Vec<String>) -> bool {
        let mut is_whole = true;
        let mut at = range.start;
        while at < range.end {
            let mut end = at;
            while end < range.end && !self.is(end, ',') {
                end = if matches!(self.piece(end), Some(Piece::Symbol('(' | '[' | '{'))) {
                    self.tokens[end].close as usize + 1
                } else {
                    end + 1
                };
            }
            let start = self.after_lines(at);
            if start < end.min(range.end) {
                let (text, behind) = self.joined(start);
                if self.after_lines(behind) >= end.min(range.end) && !text.is_empty() {
                    found.push(text);
                } else {
                    is_whole = false;
                }
            }
            at = end + 1;
        }
        is_whole
    }

    /// Joins texts that stand behind each other, as Python does; returns where they end.
    fn joined(&self, mut at: usize) -> (String, usize) {
        let mut joined = String::new();
        while let Some(Piece::Text(text)) = self.piece(self.after_lines(at)) {
            joined.push_str(text);
            at = self.after_lines(at) + 1;
        }
        (joined, at)
    }

    /// Reads the texts that a name stands for, if it is given them once and nothing else is done with it.
    fn named(&self, name: &str, used: usize, depth: usize, found: &mut Vec<String>) -> bool {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), self.lookups_left.get().checked_sub(1)) else {
            return false;
        };
        self.lookups_left.set(left);
        let mut given = None;
        for at in (0..self.tokens.len()).filter(|at| *at != used && self.piece(*at) == Some(Piece::Word(name))) {
            let is_own = at == 0 || !self.is(at - 1, '.');
            match self.piece(at + 1) {
                Some(Piece::Symbol('=')) if is_own && !self.is(at + 2, '=') && given.is_none() => given = Some(at + 2),
                Some(Piece::Symbol('=')) if is_own && !self.is(at + 2, '=') => return false,
                Some(Piece::Symbol('+')) if self.is(at + 2, '=') => return false,
                Some(Piece::Symbol('.' | '[')) if is_own => return false,
                _ => {}
            }
        }
        given.is_some_and(|given| self.value(given, depth, found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: fn(&str) -> Asked, text: &str, requirements: &[&str], unread: Option<&str>) {
        let asked = read(text);
        assert_eq!(
            (asked.requirements, asked.unread.as_deref()),
            (requirements.iter().map(ToString::to_string).collect(), unread),
            "{text}"
        );
    }

    #[test]
    fn needs_of_a_configuration() {
        let check =
            |text: &str, requirements: &[&str], unread: Option<&str>| check(configured, text, requirements, unread);
        check("", &[], None);
        check(
            "[options]\ninstall_requires =\n  django>=3.2 ; python_version > '3'\n  # none\n\n  requests[socks]==2.0\npackages = find:\n",
            &["django>=3.2 ; python_version > '3'", "requests[socks]==2.0"],
            None,
        );
        check(
            "[options]\ninstall_requires: six\n[options.extras_require]\ninstall_requires = no\n\tnor\n",
            &["six"],
            None,
        );
        check("[metadata]\ninstall_requires = no\n", &[], None);
        check("[options]\ninstall_requires = file: requirements.txt\n", &[], None);
        check(
            "[options]\ninstall_requires = file: requirements.txt, deps.in\n",
            &[],
            Some("file: requirements.txt, deps.in"),
        );
    }

    #[test]
    fn needs_of_a_script() {
        let check =
            |text: &str, requirements: &[&str], unread: Option<&str>| check(scripted, text, requirements, unread);
        check("", &[], None);
        check("setup(name='x')", &[], None);
        check(
            "setup(install_requires=['a', \"b>=1\",\n  # 'c'\n  'd' '==2', # e\n], x=['f'])",
            &["a", "b>=1", "d==2"],
            None,
        );
        check("setup(install_requires=('a',))", &["a"], None);
        check("setup(install_requires='a')", &["a"], None);
        check("setup(install_requires='''\n  a\n  # no\n  b==1\n''')", &["a", "b==1"], None);
        check("setup(install_requires=None)\nsetup(install_requires=[])", &[], None);
        check("NEEDS = [\n 'a',\n]\n\nsetup(\n  install_requires=NEEDS,\n)", &["a"], None);
        check("A = ['a']\nB = A + ['b']\n@x\ndef f(): pass\nsetup(install_requires=B)", &["a", "b"], None);
        check("install_requires = ['a']\nsetup(install_requires=install_requires)", &["a"], None);
        check("kwargs = {'install_requires': ['a']}\nkw['install_requires'] = ['b']", &["a", "b"], None);
        check("if install_requires == ['a']: pass", &[], None);
        check("# install_requires=['a']\n'install_requires=[]'", &[], None);
        for (value, requirements) in [
            ("read()", &[][..]),
            ("['a', *more]", &["a"]),
            ("['a', 'b' + v]", &["a"]),
            ("['a', 'b' if x else 'c']", &["a"]),
            ("['a', f'b=={v}']", &["a"]),
            ("['a\\n']", &[]),
            ("[line for line in file]", &[]),
            ("['a'] if x else ['b']", &["a"]),
            ("['a'] + read()", &["a"]),
            ("open('r').read().splitlines()", &[]),
            ("'a'.split()", &["a"]),
            ("UNKNOWN", &[]),
            ("[", &[]),
        ] {
            let unread = format!("install_requires={value}, x=1)");
            let unread = if value == "[" { "install_requires=[, x=1)" } else { &unread };
            check(&format!("setup(install_requires={value}, x=1)"), requirements, Some(unread));
        }
        check("A = ['a']\nA.append('b')\nsetup(install_requires=A)", &[], Some("install_requires=A)"));
        check("A = ['a']\nif x:\n  A = ['b']\nsetup(install_requires=A)", &[], Some("install_requires=A)"));
        check("A = A\nsetup(install_requires=A)", &[], Some("install_requires=A)"));
        check(
            "install_requires = ['a']\ninstall_requires += ['b']\nsetup(install_requires=install_requires)",
            &["a"],
            Some("install_requires += ['b']"),
        );
    }

    #[test]
    fn names_end_at_the_limit() {
        for (names, is_read) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, true), (DEPTH_MAX + 1, false)] {
            let text = (1..names).map(|number| format!("a{number} = a{}\n", number + 1)).collect::<Vec<_>>().concat();
            let asked = scripted(&format!("{text}a{names} = ['x']\nsetup(install_requires=a1)"));
            assert_eq!(asked.unread.is_none(), is_read, "{names}");
        }
    }

    #[test]
    fn lookups_end_at_the_limit() {
        for (lookups, is_read) in [(LOOKUPS_MAX - 1, true), (LOOKUPS_MAX, true), (LOOKUPS_MAX + 1, false)] {
            let asked = scripted(&format!("a = []\nsetup(install_requires={}[])", "a + ".repeat(lookups)));
            assert_eq!(asked.unread.is_none(), is_read, "{lookups}");
        }
        // No depth of the machine's own stack is taken.
        assert!(scripted(&format!("setup(install_requires={}[])", "[] + ".repeat(100_000))).unread.is_none());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(words in proptest::collection::vec("install_requires|'install_requires'|a|'a'|f'|\"\"\"|'|\\\\|\u{fc}|[(){}\\[\\],:=.+#\n]", 0..60)) {
            let text = words.join("");
            scripted(&text);
            configured(&text);
        }
    }
}
