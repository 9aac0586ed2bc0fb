//! What a Gradle build calls by names: versions and coordinates in variables, lists and maps, as far as they are written out.
//!
//! Follows the Gradle User Manual, "Build script basics" (extra properties, local variables) and "Build environment" (`gradle.properties`). Nothing is run:
//! what a name stands for is known where one text, list or map of texts is given to it, once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::ecosystems::gradle_tokens::{Dialect, Piece, Token, listed, tokens, trimmed};

/// How many names stand for names, and how deep maps are in maps.
const DEPTH_MAX: usize = 8;

/// The longest text that names are put into.
const TEXT_BYTES_MAX: usize = 2048;

/// The most names of one script, file or folder that are kept.
const NAMES_MAX: usize = 10_000;

/// The most names that are looked up for all scripts of a tree. What goes beyond stays as it is written.
pub(crate) const LOOKUPS_MAX: usize = 1_000_000;

/// Blocks in which names are given to what the whole script knows.
const BLOCKS: [&str; 8] =
    ["allprojects", "buildscript", "companion", "dependencies", "ext", "extra", "project", "subprojects"];

/// Words in front of a name that say where it is known.
const OWNERS: [&str; 6] = ["ext", "extra", "project", "rootProject", "this", "properties"];

/// Calls that give what has the name in their brackets.
const BY_NAME: [&str; 5] = ["findProperty", "get", "getProperty", "gradleProperty", "property"];

/// What a name stands for: texts, in which `${name}` stands for others.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Defined {
    texts: Vec<String>,
    /// Whether other scripts know it.
    is_shared: bool,
    /// Whether it stands for several things, of which nobody knows which one holds.
    is_ambiguous: bool,
}

/// The names of one script, of one file of properties, or of a folder.
#[derive(Debug, Default)]
pub(crate) struct Values(BTreeMap<String, Defined>);

/// What names stand for in one script.
pub(crate) struct Lookup<'a> {
    own: &'a Values,
    /// What is known around it, the nearest folder first.
    around: Vec<&'a Values>,
    /// How many names may still be looked up.
    left: &'a Cell<usize>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(own: &'a Values, around: Vec<&'a Values>, left: &'a Cell<usize>) -> Self {
        Self { own, around, left }
    }

    /// Returns the texts that an expression stands for: a text, a name, or both joined by plus signs. `None` where something in it is not known.
    pub(crate) fn resolve(&self, expression: &str) -> Option<Vec<String>> {
        let texts = &self.find(&path(expression)?)?.texts;
        let resolved: Option<Vec<String>> = texts.iter().map(|text| self.fill(text, DEPTH_MAX)).collect();
        resolved.filter(|texts| !texts.is_empty())
    }

    /// Puts into a text what its names stand for. `None` where one is not known.
    pub(crate) fn interpolate(&self, text: &str) -> Option<String> {
        self.fill(text, DEPTH_MAX)
    }

    fn fill(&self, text: &str, depth: usize) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            filled.push_str(before);
            let (one, behind) = match behind.strip_prefix('{') {
                Some(inner) => {
                    let end = closing(inner)?;
                    (self.one(&inner[..end])?, &inner[end + 1..])
                }
                // What stands behind a point may be of the name or of the text.
                None => name_ends(behind).find_map(|end| Some((self.one(&behind[..end])?, &behind[end..])))?,
            };
            filled.push_str(&self.fill(one, depth.checked_sub(1)?)?);
            if filled.len() > TEXT_BYTES_MAX {
                return None;
            }
            rest = behind;
        }
        filled.push_str(rest);
        Some(filled).filter(|filled| filled.len() <= TEXT_BYTES_MAX)
    }

    /// Returns the one text that an expression stands for.
    fn one(&self, expression: &str) -> Option<&'a str> {
        match self.find(&path(expression)?)?.texts.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    fn find(&self, path: &str) -> Option<&'a Defined> {
        self.left.set(self.left.get().checked_sub(1)?);
        if let Some(defined) = self.own.0.get(path) {
            return Some(defined).filter(|defined| !defined.is_ambiguous);
        }
        let known = self.around.iter().find_map(|values| values.0.get(path).filter(|defined| defined.is_shared))?;
        Some(known).filter(|defined| !defined.is_ambiguous)
    }
}

impl Values {
    /// Reads the names of a script.
    pub(crate) fn of_script(text: &str, dialect: Dialect) -> Self {
        let tokens = tokens(text, dialect);
        let mut values = Self::default();
        let reader = Reader { text, tokens: &tokens };
        let mut work = vec![(0..tokens.len(), String::new())];
        while let Some((range, prefix)) = work.pop() {
            reader.block(range, &prefix, &mut values, &mut work);
        }
        values
    }

    /// Reads a `gradle.properties`.
    pub(crate) fn of_properties(text: &str) -> Self {
        let mut values = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!'])) {
            let Some((name, value)) = line.split_once(['=', ':']) else { continue };
            values.define(name.trim().to_owned(), vec![value.trim().to_owned()], true);
        }
        values
    }

    /// Takes in what others know of a script or file. What stands for several things stands for none.
    pub(crate) fn share(&mut self, other: &Self) {
        for (path, defined) in other.0.iter().filter(|(_, defined)| defined.is_shared) {
            self.define(path.clone(), defined.texts.clone(), true);
            if let Some(known) = self.0.get_mut(path).filter(|_| defined.is_ambiguous) {
                known.is_ambiguous = true;
            }
        }
    }

    fn define(&mut self, path: String, texts: Vec<String>, is_shared: bool) {
        let is_short = texts.iter().all(|text| text.len() <= TEXT_BYTES_MAX);
        if texts.is_empty() || !is_short || path.len() > TEXT_BYTES_MAX || self.0.len() >= NAMES_MAX {
            return;
        }
        match self.0.get_mut(&path) {
            Some(known) => known.is_ambiguous |= known.texts != texts,
            None => drop(self.0.insert(path, Defined { texts, is_shared, is_ambiguous: false })),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
}

impl<'a> Reader<'a> {
    fn piece(&self, at: usize) -> Option<Piece<'a>> {
        self.tokens.get(at).map(|token| token.piece)
    }

    fn is(&self, at: usize, symbol: char) -> bool {
        self.piece(at) == Some(Piece::Symbol(symbol))
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.piece(at) == Some(Piece::Word(word))
    }

    fn inside(&self, open: usize) -> Range<usize> {
        open + 1..self.tokens[open].close as usize
    }

    /// Returns what is written in a range, as one expression.
    fn source(&self, range: &Range<usize>) -> &'a str {
        let Some(first) = self.tokens.get(range.start).filter(|_| !range.is_empty()) else { return "" };
        let end = self.tokens.get(range.end).map_or(self.text.len(), |token| token.at as usize);
        self.text[first.at as usize..end].trim()
    }

    /// Reads the names that a block gives, and finds the blocks in it that give names too.
    fn block(&self, range: Range<usize>, prefix: &str, values: &mut Values, work: &mut Vec<(Range<usize>, String)>) {
        let mut at = range.start;
        while at < range.end {
            match self.tokens[at].piece {
                Piece::Symbol('{') => {
                    let inside = self.inside(at);
                    let label = match at.checked_sub(1).map(|before| self.tokens[before].piece) {
                        Some(Piece::Word(label)) => label,
                        _ => "",
                    };
                    // Kotlin's `object Versions { const val a = "1" }`.
                    let is_object = at >= 2 && self.is_word(at - 2, "object");
                    if is_object {
                        work.push((inside.start..inside.end.min(range.end), format!("{prefix}{label}.")));
                    } else if BLOCKS.contains(&label) {
                        work.push((inside.start..inside.end.min(range.end), prefix.to_owned()));
                    }
                    at = inside.end + 1;
                }
                Piece::Symbol('(' | '[') => at = self.inside(at).end + 1,
                Piece::Word(_) if !(at > 0 && self.is(at - 1, '.')) => at = self.assigned(at, &range, prefix, values),
                _ => at += 1,
            }
        }
    }

    /// Reads what is given to the name that begins here; returns where to go on.
    fn assigned(&self, start: usize, range: &Range<usize>, prefix: &str, values: &mut Values) -> usize {
        let next = start + 1;
        let (name, rest) = self.name(start, range.end);
        // `ext.set("name", value)`
        if let Some(owner) = name.strip_suffix("set").filter(|_| self.is(rest, '('))
            && (owner.is_empty() || OWNERS.contains(&owner.trim_end_matches('.')))
            && let [key, value] = listed(self.tokens, self.inside(rest)).as_slice()
            && let (Some(Piece::Text(key)), 1) = (self.piece(key.start), key.len())
        {
            self.value(value.clone(), format!("{prefix}{key}"), true, DEPTH_MAX, values);
            return next;
        }
        let Some(path) = path(&name) else { return next };
        let is_typed =
            start > range.start && matches!(self.tokens[start - 1].piece, Piece::Word(_) | Piece::Symbol('>'));
        // `val name by extra("text")`
        if self.is_word(rest, "by") && self.is_word(rest + 1, "extra") && self.is(rest + 2, '(') {
            self.value(self.inside(rest + 2), format!("{prefix}{path}"), true, DEPTH_MAX, values);
            return next;
        }
        // `val name: String = "text"`
        let equals = if self.is(rest, ':') && self.is(rest + 2, '=') { rest + 2 } else { rest };
        if !self.is(equals, '=') || self.is(equals + 1, '=') || equals + 1 >= range.end {
            return next;
        }
        let end = self.end_of_value(equals + 1, range.end);
        self.value(equals + 1..end, format!("{prefix}{path}"), !is_typed || !prefix.is_empty(), DEPTH_MAX, values);
        next
    }

    /// Reads words that are joined by points and the texts in brackets behind them, and returns them with where they end.
    fn name(&self, start: usize, end: usize) -> (String, usize) {
        let mut at = start + 1;
        loop {
            if self.is(at, '.') && matches!(self.piece(at + 1), Some(Piece::Word(_))) {
                at += 2;
            } else if self.is(at, '[')
                && self.tokens[at].close as usize == at + 2
                && matches!(self.piece(at + 1), Some(Piece::Text(_)))
            {
                at += 3;
            } else {
                break;
            }
        }
        let at = at.min(end);
        (self.source(&(start..at)).to_owned(), at)
    }

    /// Returns where a value ends: at the end of its line, unless that goes on.
    fn end_of_value(&self, start: usize, end: usize) -> usize {
        let mut at = start;
        while at < end {
            match self.tokens[at].piece {
                Piece::Symbol(';') => break,
                Piece::Line if at > start && !self.is(at - 1, '+') && !self.is(at + 1, '+') => break,
                Piece::Symbol('(' | '[' | '{') => at = (self.tokens[at].close as usize + 1).min(end),
                _ => at += 1,
            }
        }
        at
    }

    /// Gives a name what a value stands for: a text, another name, a list or a map of such.
    fn value(&self, range: Range<usize>, path: String, is_shared: bool, depth: usize, values: &mut Values) {
        let range = trimmed(self.tokens, range);
        let is_call = matches!(
            self.piece(range.start),
            Some(Piece::Word("listOf" | "mapOf" | "mutableListOf" | "mutableMapOf" | "arrayOf"))
        ) && self.is(range.start + 1, '(');
        let open = if is_call { range.start + 1 } else { range.start };
        if !is_call && !self.is(open, '[') {
            let text = self.template(&range);
            return values.define(path, text.into_iter().collect(), is_shared);
        }
        let Some(depth) = depth.checked_sub(1) else { return };
        let inside = self.inside(open);
        let mut texts = Vec::new();
        let mut fields: BTreeMap<&str, String> = BTreeMap::new();
        for item in listed(self.tokens, inside.start..inside.end.min(range.end.max(inside.start))) {
            let key = match self.piece(item.start) {
                Some(Piece::Word(key) | Piece::Text(key))
                    if self.is(item.start + 1, ':') || self.is_word(item.start + 1, "to") =>
                {
                    key
                }
                _ if self.is(item.start, '[') => {
                    // A map in a list: coordinates in parts.
                    texts.extend(self.parts(&item));
                    continue;
                }
                _ => {
                    texts.extend(self.template(&item));
                    continue;
                }
            };
            let value = item.start + 2..item.end;
            fields.extend(self.template(&value).map(|text| (key, text)));
            self.value(value, format!("{path}.{key}"), is_shared, depth, values);
        }
        texts.extend(coordinates(&fields));
        values.define(path, texts, is_shared);
    }

    /// Reads `[group: 'a', name: 'b', version: '1']`.
    fn parts(&self, range: &Range<usize>) -> Option<String> {
        let items = listed(self.tokens, self.inside(range.start));
        let fields = items.into_iter().filter_map(|item| match self.piece(item.start) {
            Some(Piece::Word(key) | Piece::Text(key)) if self.is(item.start + 1, ':') => {
                Some((key, self.template(&(item.start + 2..item.end))?))
            }
            _ => None,
        });
        coordinates(&fields.collect())
    }

    /// Returns a text in which names stand in braces: what is joined by plus signs.
    fn template(&self, range: &Range<usize>) -> Option<String> {
        template(self.text, self.tokens, range)
    }
}

/// Returns a text in which names stand in braces, of texts and names that are joined by plus signs; `None` for what is neither.
pub(crate) fn template(text: &str, tokens: &[Token<'_>], range: &Range<usize>) -> Option<String> {
    let mut joined = String::new();
    let mut start = range.start;
    let mut at = range.start;
    while at <= range.end {
        let piece = tokens.get(at).map(|token| token.piece).filter(|_| at < range.end);
        match piece {
            Some(Piece::Symbol('(' | '[' | '{')) => {
                at = (tokens[at].close as usize + 1).min(range.end);
            }
            Some(Piece::Symbol('+')) | None => {
                let lines = |at: usize| tokens.get(at).is_some_and(|token| token.piece == Piece::Line);
                let begin = if lines(start) { start + 1 } else { start };
                let end = if at > begin && lines(at - 1) { at - 1 } else { at };
                match (tokens.get(begin)?.piece, end.checked_sub(begin)?) {
                    (Piece::Text(part), 1) => joined.push_str(part),
                    (Piece::Word(number), _) if number.starts_with(|first: char| first.is_ascii_digit()) => {
                        return None;
                    }
                    (Piece::Word(_), 1..) => {
                        let until = tokens.get(end).map_or(text.len(), |token| token.at as usize);
                        joined.push_str("${");
                        joined.push_str(&path(text[tokens[begin].at as usize..until].trim())?);
                        joined.push('}');
                    }
                    _ => return None,
                }
                start = at + 1;
                at += 1;
            }
            Some(_) => at += 1,
        }
    }
    Some(joined).filter(|joined| !joined.is_empty() && joined.len() <= TEXT_BYTES_MAX)
}

/// Joins the parts of coordinates.
fn coordinates(fields: &BTreeMap<&str, String>) -> Option<String> {
    let (group, name) = (fields.get("group")?, fields.get("name")?);
    let version = fields.get("version").map(|version| format!(":{version}")).unwrap_or_default();
    Some(format!("{group}:{name}{version}"))
}

/// Returns where the brace that closes an expression is.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns where a name without braces may end: at the end of its last word, or of one before.
fn name_ends(text: &str) -> impl Iterator<Item = usize> {
    let is_of_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.');
    let name = &text[..text.find(|character| !is_of_name(character)).unwrap_or(text.len())];
    let name = name.trim_end_matches('.');
    let points = name.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
    std::iter::once(name.len()).chain(points.into_iter().rev()).filter(|end| *end > 0).take(DEPTH_MAX)
}

/// Returns the name that an expression is, without what says where it is known: `versions.a` of `rootProject.ext.versions["a"]`, and `a` of `property("a")`.
fn path(expression: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = expression.trim();
    rest = rest.strip_suffix("as String").map_or(rest, str::trim);
    loop {
        let word = rest.find(|character: char| !(character.is_alphanumeric() || "_-".contains(character)));
        let word = word.unwrap_or(rest.len());
        if word == 0 {
            return None;
        }
        parts.push(&rest[..word]);
        rest = &rest[word..];
        // `["a"]`, `("a")`, `()` and the marks of Kotlin's nulls.
        loop {
            rest = rest.trim_start_matches(['!', '?']);
            let Some(open) = rest.chars().next().filter(|open| matches!(open, '[' | '(')) else { break };
            let end = rest.find(if open == '[' { ']' } else { ')' })?;
            let inner = rest[1..end].trim();
            rest = &rest[end + 1..];
            let call = if open == '(' { parts.pop()? } else { "" };
            if inner.is_empty() && matches!(call, "toString" | "get" | "getOrElse") {
                continue;
            }
            let quote = inner.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let key = inner.strip_prefix(quote)?.strip_suffix(quote)?;
            if key.contains(['"', '\'', '$']) || (open == '(' && !BY_NAME.contains(&call)) {
                return None;
            }
            parts.push(key);
        }
        match rest.trim_start().strip_prefix('.') {
            Some(behind) => rest = behind.trim_start(),
            None if rest.trim().is_empty() => break,
            None => return None,
        }
    }
    let first = parts.iter().position(|part| !OWNERS.contains(part)).unwrap_or(parts.len() - 1);
    Some(parts[first..].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_expressions() {
        for (expression, expected) in [
            ("a", Some("a")),
            ("versions.a", Some("versions.a")),
            ("rootProject.ext.versions[\"a\"]", Some("versions.a")),
            ("versions['a-b']", Some("versions.a-b")),
            ("property(\"a\")", Some("a")),
            ("project.findProperty('a') as String", Some("a")),
            ("extra[\"a\"]!!.toString()", Some("a")),
            ("ext", Some("ext")),
            ("libs.a.get()", Some("libs.a")),
            ("some('a')", None),
            ("a + b", None),
            ("a ?: 'b'", None),
            ("", None),
            ("\"a\"", None),
        ] {
            assert_eq!(path(expression).as_deref(), expected, "{expression}");
        }
    }

    #[test]
    fn what_names_stand_for() {
        let check = |text: &str, dialect: Dialect, expression: &str, expected: &[&str]| {
            let values = Values::of_script(text, dialect);
            let left = Cell::new(LOOKUPS_MAX);
            let lookup = Lookup::new(&values, Vec::new(), &left);
            assert_eq!(lookup.resolve(expression).unwrap_or_default(), expected, "{expression} in {text}");
        };
        let groovy = "def a = '1'\next.b = \"x-$a\"\next { c = \"${b}.z\"\n versions = [one: '1.1', 'two-x': \"2.$a\"]\n deps = [\n  guava: \"g:guava:${versions.one}\",\n  parts: [group: 'g', name: 'p', version: versions['two-x']],\n  many: ['g:m:1', \"g:n:$versions.one\"],\n ] }\n\
            versions.three = '3'\nString typed = 'g:t:' + versions.three + '.0'\next.set('set', '4')\nif (x) { d = '1' }\ne = '1'\ne = '2'\nloop = \"${loop}\"\nf = a ?: '1'\nrun(g = '1')\n";
        for (expression, expected) in [
            ("a", &["1"][..]),
            ("b", &["x-1"]),
            ("rootProject.ext.c", &["x-1.z"]),
            ("versions['two-x']", &["2.1"]),
            ("deps.guava", &["g:guava:1.1"]),
            ("deps.parts", &["g:p:2.1"]),
            ("deps.many", &["g:m:1", "g:n:1.1"]),
            ("typed", &["g:t:3.0"]),
            ("set", &["4"]),
            ("d", &[]),
            ("e", &[]),
            ("f", &[]),
            ("g", &[]),
            ("loop", &[]),
            ("unknown", &[]),
        ] {
            check(groovy, Dialect::Groovy, expression, expected);
        }
        let kotlin = "val a = \"1\"\nval b: String = \"2\"\nval c by extra(\"3\")\nextra[\"d\"] = \"4\"\nextra.set(\"e\", \"5\")\nobject Versions {\n const val f = \"6\"\n}\nval m = mapOf(\"x\" to \"g:x:$a\", \"y\" to \"g:y:${Versions.f}\")\nval l = listOf(\"g:l:$b\")\n";
        for (expression, expected) in [
            ("a", &["1"][..]),
            ("b", &["2"]),
            ("c", &["3"]),
            ("extra[\"d\"]", &["4"]),
            ("e", &["5"]),
            ("Versions.f", &["6"]),
            ("m[\"x\"]", &["g:x:1"]),
            ("m.y", &["g:y:6"]),
            ("l", &["g:l:2"]),
        ] {
            check(kotlin, Dialect::Kotlin, expression, expected);
        }
    }

    #[test]
    fn what_is_known_around_a_script() {
        let own = Values::of_script("a = '1'", Dialect::Groovy);
        let mut near = Values::default();
        near.share(&Values::of_script("a = '2'\nb = '2'\ndef local = '2'\nsame = '1'", Dialect::Groovy));
        near.share(&Values::of_script("b = '3'\nsame = '1'", Dialect::Groovy));
        let far = Values::of_properties("# c=0\nc = 4\nlocal: 5\nb=6\n");
        let left = Cell::new(LOOKUPS_MAX);
        let lookup = Lookup::new(&own, vec![&near, &far], &left);
        for (name, expected) in
            [("a", Some("1")), ("b", None), ("c", Some("4")), ("local", Some("5")), ("same", Some("1"))]
        {
            assert_eq!(lookup.interpolate(&format!("${{{name}}}")).as_deref(), expected, "{name}");
        }
        assert_eq!(lookup.interpolate("x:$c.RELEASE").as_deref(), Some("x:4.RELEASE"));
        assert_eq!(lookup.interpolate("${c"), None);
        assert_eq!(lookup.interpolate("$"), None);
    }

    #[test]
    fn names_and_lookups_end_at_their_limits() {
        let is_known = |values: &Values, name: &str, lookups: usize| {
            Lookup::new(values, Vec::new(), &Cell::new(lookups)).resolve(name).is_some()
        };
        for (written, expected) in [(NAMES_MAX - 1, true), (NAMES_MAX, true), (NAMES_MAX + 1, false)] {
            let text = (1..=written).map(|number| format!("a{number} = 'x'\n")).collect::<Vec<_>>().concat();
            let values = Values::of_script(&text, Dialect::Groovy);
            assert_eq!(is_known(&values, &format!("a{written}"), 1), expected, "{written}");
        }
        let chain = |length: usize| {
            (1..=length).map(|number| format!("a{number}=$a{}\n", number - 1)).collect::<Vec<_>>().concat()
        };
        for (length, expected) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, true), (DEPTH_MAX + 1, false)] {
            let values = Values::of_properties(&format!("a0=x\n{}", chain(length)));
            assert_eq!(is_known(&values, &format!("a{length}"), LOOKUPS_MAX), expected, "{length}");
        }
        for (lookups, expected) in [(2, false), (3, true), (4, true)] {
            assert_eq!(is_known(&Values::of_properties("a=$b$b\nb=x\n"), "a", lookups), expected, "{lookups}");
        }
        for (length, expected) in [(TEXT_BYTES_MAX - 1, true), (TEXT_BYTES_MAX, true), (TEXT_BYTES_MAX + 1, false)] {
            let values = Values::of_properties(&format!("a=$b\nb={}\n", "x".repeat(length)));
            assert_eq!(is_known(&values, "a", LOOKUPS_MAX), expected, "{length}");
        }
        // Each level has six hundred of the one below, and the last is empty.
        let bomb = (1..DEPTH_MAX)
            .map(|number| format!("a{number}={}\n", format!("$a{}", number - 1).repeat(600)))
            .collect::<Vec<_>>()
            .concat();
        assert!(!is_known(&Values::of_properties(&format!("a0=\n{bomb}")), "a7", 10_000));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(words in proptest::collection::vec("ext|def|val|object|set|by|extra|mapOf|a|b|'a:b:1'|\"a:\\$b\"|\"\\$\\{a\\}\"|to|[(){}\\[\\],;:=.+\n]", 0..60)) {
            let text = words.join(" ");
            for dialect in [Dialect::Groovy, Dialect::Kotlin] {
                let values = Values::of_script(&text, dialect);
                let left = Cell::new(LOOKUPS_MAX);
                let lookup = Lookup::new(&values, Vec::new(), &left);
                lookup.resolve("a");
                lookup.interpolate(&text);
            }
        }
    }
}
