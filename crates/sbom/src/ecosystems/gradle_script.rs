//! What a Gradle build script asks for. A script is a program and none is run: what is read are calls with coordinates.
//!
//! Follows the Gradle User Manual, "Declaring Dependencies", "Declaring Dependency Constraints" and "Version Catalogs", and the Kotlin DSL's `DependencyHandlerScope`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use component::Scope;

use crate::ecosystems::gradle_tokens::{Dialect, Piece, Token, listed, tokens};
use crate::ecosystems::gradle_values::{Lookup, template};
use crate::ecosystems::manifests::{WANTS_MAX, Want};

/// What a script says.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// What it asks for.
    pub(crate) wants: Vec<Want>,
    /// Lines that ask for what they do not name.
    pub(crate) unread: Vec<Unread>,
    /// The version catalogs that it makes.
    pub(crate) catalogs: BTreeSet<String>,
    /// Versions that it states for what is asked for without one, by the name.
    constraints: BTreeMap<String, Want>,
}

/// A line of a script that asks for what it does not name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Where the line is, in bytes; once the script is read, its number.
    pub(crate) line: usize,
    pub(crate) text: String,
    /// The first word of what is asked for, which may be a version catalog that is read elsewhere.
    pub(crate) word: String,
}

/// The longest part of a line that is told.
const TOLD_CHARACTERS_MAX: usize = 60;

/// The deepest nesting of lists and calls in what is asked for.
const DEPTH_MAX: usize = 8;

/// How far ahead the arrow behind the parameters of a closure is looked for, and the version in the braces behind a dependency.
const PARAMETERS_MAX: usize = 8;
const BRACES_MAX: usize = 256;

/// Words that begin something else than a configuration of dependencies.
const NO_CONFIGURATIONS: [&str; 40] = [
    "apply",
    "assert",
    "because",
    "case",
    "catch",
    "connection",
    "developerConnection",
    "def",
    "description",
    "do",
    "else",
    "exclude",
    "finally",
    "for",
    "fun",
    "id",
    "if",
    "import",
    "logger",
    "maven",
    "mavenBom",
    "package",
    "plugins",
    "print",
    "println",
    "repositories",
    "return",
    "switch",
    "throw",
    "try",
    "url",
    "val",
    "var",
    "when",
    "while",
    "with",
    "group",
    "name",
    "transitive",
    "version",
];

/// Blocks among dependencies that say something else about them.
const OTHER_BLOCKS: [&str; 5] = ["artifactTypes", "attributesSchema", "components", "modules", "registerTransform"];

/// Calls that give what is the project's own, or Gradle's.
const OWN_CALLS: [&str; 12] = [
    "files",
    "fileTree",
    "gradleApi",
    "gradleKotlinDsl",
    "gradleTestKit",
    "localGroovy",
    "project",
    "zipTree",
    "tarTree",
    "fileCollection",
    "platform",
    "enforcedPlatform",
];

/// What the project's own begins with, where it is no call.
const OWN_WORDS: [&str; 5] = ["configurations", "layout", "projects", "sourceSets", "tasks"];

/// Calls around what is asked for.
const AROUND: [&str; 5] = ["create", "module", "testFixtures", "variantOf", "listOf"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// Anywhere else: the first text with coordinates counts, as in functions that add dependencies.
    Elsewhere,
    Dependencies,
    Constraints,
    Catalogs,
}

/// Reads a script, with what names stand for in it.
pub(crate) fn read(text: &str, dialect: Dialect, lookup: &Lookup<'_>) -> Script {
    let tokens = tokens(text, dialect);
    let mut script = Script::default();
    let mut work = vec![(0..tokens.len(), Context::Elsewhere)];
    while let Some((range, context)) = work.pop() {
        let reader = Reader { text, tokens: &tokens, lookup, context };
        for statement in reader.statements(range) {
            reader.statement(statement, &mut script, &mut work);
        }
    }
    for want in script.wants.iter_mut().filter(|want| want.range.is_empty()) {
        if let Some(constraint) = script.constraints.get(&want.name) {
            (want.version, want.range) = (constraint.version.clone(), constraint.range.clone());
        }
    }
    script.unread.sort_by_key(|unread| unread.line);
    let (mut line, mut counted) = (1, 0);
    for unread in &mut script.unread {
        line += text[counted..unread.line].bytes().filter(|byte| *byte == b'\n').count();
        counted = unread.line;
        unread.line = line;
    }
    script
}

/// Reads `group:artifact:version`, of which the version may be left out.
pub(crate) fn coordinates(text: &str, scope: Scope) -> Option<Want> {
    let text = text.split('@').next()?;
    let mut parts = text.split(':');
    let (group, artifact, range) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    if !is_word(group) || !is_word(artifact) {
        return None;
    }
    let range = range.trim_end_matches("!!");
    let is_exact = is_word(range)
        && range.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !range.starts_with("latest.");
    Some(Want {
        name: format!("{group}:{artifact}"),
        version: is_exact.then(|| range.to_owned()),
        range: range.to_owned(),
        scope,
    })
}

/// What the arguments of a call ask for.
#[derive(Default)]
struct Asked {
    coordinates: Vec<String>,
    /// The first words of what is not understood.
    unread: Vec<String>,
}

impl Asked {
    fn take(&mut self, text: String) {
        if coordinates(&text, Scope::Runtime).is_some() {
            self.coordinates.push(text);
        } else {
            self.unread.push(String::new());
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    lookup: &'a Lookup<'a>,
    context: Context,
}

impl<'a> Reader<'a> {
    fn piece(&self, at: usize) -> Option<Piece<'a>> {
        self.tokens.get(at).map(|token| token.piece)
    }

    fn is(&self, at: usize, symbol: char) -> bool {
        self.piece(at) == Some(Piece::Symbol(symbol))
    }

    fn is_opening(&self, at: usize) -> bool {
        matches!(self.piece(at), Some(Piece::Symbol('(' | '[' | '{')))
    }

    /// Whether a text with a colon is here.
    fn is_written(&self, at: usize) -> bool {
        matches!(self.piece(at), Some(Piece::Text(text)) if text.contains(':'))
    }

    /// Returns what is between an opening bracket and the one that closes it.
    fn inside(&self, open: usize) -> Range<usize> {
        open + 1..self.tokens[open].close as usize
    }

    /// Splits a block into its statements: at semicolons, and at ends of lines behind which nothing goes on.
    fn statements(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut statements = Vec::new();
        let mut start = None;
        let mut at = range.start;
        while at < range.end {
            let goes_on = || {
                let before = matches!(self.piece(at - 1), Some(Piece::Symbol(symbol)) if ",+=.:?&|".contains(symbol));
                before || self.is(at + 1, '.') || (self.is(at + 1, '?') && self.is(at + 2, '.'))
            };
            match (self.tokens[at].piece, start) {
                (Piece::Line, Some(begun)) if !goes_on() => {
                    statements.push(begun..at);
                    start = None;
                }
                (Piece::Symbol(';'), begun) => {
                    statements.extend(begun.map(|begun| begun..at));
                    start = None;
                }
                (Piece::Line, _) => {}
                _ => start = start.or(Some(at)),
            }
            at = if self.is_opening(at) { self.tokens[at].close as usize + 1 } else { at + 1 };
        }
        statements.extend(start.map(|begun| begun..range.end));
        statements
    }

    /// Reads words that are joined by points, and returns them with where they end.
    fn chain(&self, range: &Range<usize>) -> (Vec<&'a str>, usize) {
        let mut words = Vec::new();
        let mut at = range.start;
        while let Some(Piece::Word(word)) = self.piece(at).filter(|_| at < range.end) {
            words.push(word);
            at += 1;
            let point = if self.is(at, '?') || self.is(at, '!') { at + 1 } else { at };
            if !(self.is(point, '.') && matches!(self.piece(point + 1), Some(Piece::Word(_)))) {
                break;
            }
            at = point + 1;
        }
        (words, at.min(range.end))
    }

    fn statement(&self, range: Range<usize>, script: &mut Script, work: &mut Vec<(Range<usize>, Context)>) {
        // What stands before an arrow is what a closure is given.
        let arrow = range.clone().take(PARAMETERS_MAX).find(|at| self.is(*at, '-') && self.is(at + 1, '>'));
        let range = arrow.map_or(range.start, |at| at + 2)..range.end;
        if range.is_empty() {
            return;
        }
        let (chain, rest) = match self.piece(range.start) {
            // Kotlin has `"configuration"("group:artifact:version")`.
            Some(Piece::Text(name)) if self.is(range.start + 1, '(') => (vec![name], range.start + 1),
            _ => self.chain(&range),
        };
        let (Some(first), Some(last)) = (chain.first().copied(), chain.last().copied()) else {
            return self.descend(range, self.context, work);
        };
        let is_block = rest < range.end && self.is(rest, '{');
        if self.context == Context::Catalogs {
            let made = if is_block { Some(last) } else { self.inside_texts(rest, &range).next() };
            script
                .catalogs
                .extend(made.filter(|_| is_block || matches!(last, "create" | "register")).map(str::to_owned));
        }
        let inner = match (last, self.context) {
            // Spring's plugin has versions for what is asked for elsewhere.
            ("dependencyManagement", _)
            | ("dependencies", Context::Constraints)
            | ("constraints", Context::Dependencies) => Context::Constraints,
            ("dependencies", _) => Context::Dependencies,
            ("versionCatalogs", _) => Context::Catalogs,
            (_, Context::Catalogs) => Context::Elsewhere,
            (_, context) => context,
        };
        if is_block && OTHER_BLOCKS.contains(&last) && self.context == Context::Dependencies {
            return;
        }
        let is_call = match self.piece(rest).filter(|_| rest < range.end) {
            Some(Piece::Symbol(symbol)) => matches!(symbol, '(' | '['),
            Some(Piece::Word(next)) => !matches!(next, "by" | "in" | "is" | "to" | "as"),
            Some(Piece::Text(_)) => true,
            _ => false,
        };
        let is_closure_alone = self.is(rest, '(') && self.inside(rest).next().is_some_and(|at| self.is(at, '{'));
        if !is_call || is_closure_alone || NO_CONFIGURATIONS.contains(&first) || NO_CONFIGURATIONS.contains(&last) {
            return self.descend(range, inner, work);
        }
        self.call(&chain, rest..range.end, range.start, script);
        // What stands in the braces behind a dependency says how it is meant.
        if matches!(self.context, Context::Elsewhere | Context::Catalogs) || chain.len() > 1 {
            self.descend(range, inner, work);
        }
    }

    /// Goes on with the blocks of a statement.
    fn descend(&self, range: Range<usize>, context: Context, work: &mut Vec<(Range<usize>, Context)>) {
        let mut at = range.start;
        while at < range.end {
            if self.is(at, '{') {
                let inside = self.inside(at);
                at = inside.end;
                work.push((inside.start..inside.end.min(range.end), context));
            }
            at += 1;
        }
    }

    fn call(&self, chain: &[&str], rest: Range<usize>, start: usize, script: &mut Script) {
        let last = chain.last().copied().unwrap_or_default();
        let is_added = last == "add" && self.is(rest.start, '(');
        let mut arguments = self.arguments(&rest);
        let configuration = match arguments.first().map(|first| self.piece(first.start)) {
            Some(Some(Piece::Text(name))) if is_added => {
                arguments.remove(0);
                name
            }
            _ => last,
        };
        let is_of_dependencies = self.context == Context::Dependencies && (chain.len() == 1 || is_added)
            || (is_added && chain.contains(&"dependencies"));
        let is_library = last == "library" && !is_of_dependencies;
        if is_library && !arguments.is_empty() {
            arguments.remove(0);
        }
        let mut asked = Asked::default();
        self.evaluate(&arguments, DEPTH_MAX, &mut asked);
        if !is_of_dependencies && !is_library && configuration != "force" && self.context == Context::Elsewhere {
            // Only what certainly is one: many calls take texts with colons, and settings include projects by their paths.
            let is_certain = (chain.len() == 1 || is_added)
                && last != "include"
                && arguments.first().is_some_and(|first| {
                    self.is_written(first.start) || self.piece(first.start) == Some(Piece::Word("group"))
                });
            asked.coordinates.truncate(usize::from(is_certain));
        }
        let is_development = configuration.starts_with("test")
            || configuration.starts_with("androidTest")
            || configuration == "classpath";
        let scope = if is_development { Scope::Development } else { Scope::Runtime };
        let stated = self.stated_version(&rest);
        let wants =
            asked.coordinates.iter().filter_map(|text| coordinates(text, scope)).filter_map(|want| match stated {
                Some(version) if want.range.is_empty() => coordinates(&format!("{}:{version}", want.name), scope),
                _ => Some(want),
            });
        if self.context == Context::Constraints || configuration == "force" {
            script.constraints.extend(wants.map(|want| (want.name.clone(), want)));
            return;
        }
        script.wants.extend(wants);
        let is_empty = arguments.is_empty() && is_of_dependencies;
        let unread = asked.unread.into_iter().chain(is_empty.then(|| last.to_owned())).filter(|_| is_of_dependencies);
        for word in unread.take(WANTS_MAX.saturating_sub(script.unread.len())) {
            let at = self.tokens[start].at as usize;
            let text = self.text[at..].chars().take_while(|character| *character != '\n').take(TOLD_CHARACTERS_MAX);
            let text = text.filter(|character| !character.is_control()).collect();
            script.unread.push(Unread { line: at, text, word });
        }
    }

    /// Splits what stands behind the name of a call at its commas, in brackets or without.
    fn arguments(&self, rest: &Range<usize>) -> Vec<Range<usize>> {
        if self.is(rest.start, '(') {
            listed(self.tokens, self.inside(rest.start))
        } else {
            listed(self.tokens, rest.clone())
        }
    }

    fn inside_texts(&self, at: usize, range: &Range<usize>) -> impl Iterator<Item = &'a str> {
        let inside = if self.is(at, '(') { self.inside(at) } else { at..range.end };
        inside.filter_map(|at| match self.piece(at) {
            Some(Piece::Text(text)) => Some(text),
            _ => None,
        })
    }

    /// Reads what arguments ask for: texts, `group: 'a', name: 'b'`, lists of either, and calls around them.
    fn evaluate(&self, arguments: &[Range<usize>], depth: usize, asked: &mut Asked) {
        let mut named: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        let mut others = Vec::new();
        for argument in arguments {
            match (self.piece(argument.start), self.piece(argument.start + 1)) {
                (Some(Piece::Word(name)), Some(Piece::Symbol(':' | '='))) => {
                    named.insert(name, argument.start + 2..argument.end);
                }
                _ => others.push(argument.clone()),
            }
        }
        let text = |range: &Range<usize>| match self.piece(range.start) {
            Some(Piece::Text(text)) => Some(text),
            _ => None,
        };
        let is_map = named.contains_key("group") || named.contains_key("name");
        let is_part = |other: &Range<usize>| other.len() == 1 && text(other).is_some_and(|text| !text.contains(':'));
        let is_version =
            |other: &Range<usize>| is_part(other) || self.stated(other).is_some_and(|text| !text.contains(':'));
        let is_parts = others.len() > 1 && others[..2].iter().all(is_part) && others[2..].iter().all(is_version);
        if is_map || is_parts {
            let mut texts = others.iter();
            let mut part = |name: &str| named.get(name).or_else(|| texts.next());
            let (group, name, version) = (part("group"), part("name"), part("version"));
            let stated = |range: &Range<usize>| self.stated(range).or_else(|| text(range).map(str::to_owned));
            let version = version.map(|version| stated(version).unwrap_or_else(|| self.source(version).to_owned()));
            match (group, name.map(stated)) {
                // Without a group it is a file of a folder of archives.
                (None, Some(Some(_))) => {}
                (Some(group), Some(Some(name))) if stated(group).is_some() => {
                    let group = stated(group).unwrap_or_default();
                    asked.take(format!("{group}:{name}:{}", version.unwrap_or_default()));
                }
                _ => asked.unread.push(String::new()),
            }
            return;
        }
        for other in others {
            self.evaluate_one(&other, depth, asked);
        }
    }

    fn evaluate_one(&self, argument: &Range<usize>, depth: usize, asked: &mut Asked) {
        let within = |open: usize, asked: &mut Asked| match depth.checked_sub(1) {
            Some(depth) => self.evaluate(&listed(self.tokens, self.inside(open)), depth, asked),
            None => asked.unread.push(String::new()),
        };
        if let Some(texts) = self.known(argument) {
            return texts.into_iter().for_each(|text| asked.take(text));
        }
        match self.piece(argument.start) {
            Some(Piece::Text(text)) => asked.take(text.to_owned()),
            Some(Piece::Symbol('(' | '[')) => within(argument.start, asked),
            Some(Piece::Symbol('{')) => {}
            Some(Piece::Word(_)) => {
                let (chain, rest) = self.chain(argument);
                let (first, last) =
                    (chain.first().copied().unwrap_or_default(), chain.last().copied().unwrap_or_default());
                let is_call =
                    rest < argument.end && (self.is(rest, '(') || matches!(self.piece(rest), Some(Piece::Text(_))));
                match last {
                    _ if !is_call && (OWN_WORDS.contains(&first) || chain == ["project"]) => {}
                    _ if !is_call => asked.unread.push(first.to_owned()),
                    _ if OWN_CALLS.contains(&last)
                        || matches!(first, "sourceSets" | "configurations" | "tasks" | "layout") => {}
                    _ if self.is(rest, '(') && (AROUND.contains(&last) || self.is_written(rest + 1)) => {
                        within(rest, asked);
                    }
                    "kotlin" | "embeddedKotlin" => {
                        let mut texts = self.inside_texts(rest, argument);
                        let (name, version) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                        asked.take(format!("org.jetbrains.kotlin:kotlin-{name}:{version}"));
                    }
                    _ => asked.unread.push(first.to_owned()),
                }
            }
            _ => asked.unread.push(String::new()),
        }
    }

    /// Returns the text that an argument is where that takes names: texts and names that are joined by plus signs, or with names in them.
    fn stated(&self, argument: &Range<usize>) -> Option<String> {
        self.lookup.interpolate(&template(self.text, self.tokens, argument)?)
    }

    /// Returns what an argument with names in it stands for, in front of the braces that say how it is meant.
    fn known(&self, argument: &Range<usize>) -> Option<Vec<String>> {
        let mut end = argument.start;
        while end < argument.end && !self.is(end, '{') {
            end = if self.is_opening(end) { self.tokens[end].close as usize + 1 } else { end + 1 };
        }
        let argument = argument.start..end.min(argument.end);
        match self.piece(argument.start)? {
            Piece::Word(_) | Piece::Text(_) => {
                let resolved = self.lookup.resolve(self.source(&argument));
                resolved.or_else(|| self.stated(&argument).map(|text| vec![text]))
            }
            _ => None,
        }
    }

    /// Returns what is written there, on one line.
    fn source(&self, range: &Range<usize>) -> &'a str {
        let begin = self.tokens.get(range.start).map_or(self.text.len(), |token| token.at as usize);
        let end = self.tokens.get(range.end).map_or(self.text.len(), |token| token.at as usize);
        self.text[begin..end].lines().next().unwrap_or_default().trim()
    }

    /// Returns the version that the braces behind a dependency state: `version { strictly '1.0' }`.
    fn stated_version(&self, rest: &Range<usize>) -> Option<&'a str> {
        let mut stated: [Option<&'a str>; 3] = [None; 3];
        for at in rest.clone().take(BRACES_MAX) {
            let Some(Piece::Word(word)) = self.piece(at) else { continue };
            let Some(place) = ["strictly", "require", "prefer"].iter().position(|known| *known == word) else {
                continue;
            };
            let open = usize::from(self.is(at + 1, '('));
            if let Some(Piece::Text(version)) = self.piece(at + 1 + open) {
                stated[place] = stated[place].or(Some(version));
            }
        }
        stated.into_iter().flatten().next()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::ecosystems::gradle_values::{LOOKUPS_MAX, Values};

    fn told(text: &str, dialect: Dialect) -> String {
        let (values, left) = (Values::of_script(text, dialect), Cell::new(LOOKUPS_MAX));
        let script = read(text, dialect, &Lookup::new(&values, Vec::new(), &left));
        let mut told: Vec<String> = script
            .wants
            .iter()
            .map(|want| {
                format!("{}:{}{}", want.name, want.range, if want.scope == Scope::Runtime { "" } else { " test" })
            })
            .collect();
        told.sort();
        told.extend(script.unread.iter().map(|unread| format!("{}?{} {}", unread.line, unread.word, unread.text)));
        told.extend(script.catalogs.iter().map(|catalog| format!("catalog {catalog}")));
        told.join(", ")
    }

    #[test]
    fn what_scripts_in_groovy_ask_for() {
        for (body, expected) in [
            ("", ""),
            ("implementation 'a:b:1'", "a:b:1"),
            ("implementation('a:b:1') { transitive = false; exclude group: 'x', module: 'y' }", "a:b:1"),
            ("implementation 'a:b:1', 'c:d:2',\n 'e:f:3'", "a:b:1, c:d:2, e:f:3"),
            ("implementation group: 'a', name: 'b', version: '1'", "a:b:1"),
            (
                "testImplementation(group: 'a', name: 'b', version: '1', classifier: 'c') { because 'x:y:1' }",
                "a:b:1 test",
            ),
            ("api([group: 'a', name: 'b', version: '1'], [group: 'c', name: 'd'])", "a:b:1, c:d:"),
            ("api(['a:b:1', 'c:d:2'])", "a:b:1, c:d:2"),
            ("api group: 'a', name: 'b', version: versions.b", "a:b:versions.b"),
            ("api group: 'a', name: artifact", "2? api group: 'a', name: artifact"),
            ("api name: 'local', ext: 'aar'", ""),
            ("api \"a:b:${versions[\"b\"]}\"", "a:b:${versions[\"b\"]}"),
            ("api 'a:b:' + version", "a:b:"),
            ("api('a:b') { version { strictly '[1, 2['; prefer '1.5' } }", "a:b:[1, 2["),
            ("/* api 'a:b:1' */ // api 'a:b:2'\n// api 'a:b:3'", ""),
            ("/*\napi 'a:b:1'\n*/\napi 'c:d:1'", "c:d:1"),
            ("api(project)", ""),
            ("api project.deps.some", "2?project api project.deps.some"),
            ("api project(':own'), files('x.jar'), gradleApi()\napi project(path: ':own', configuration: 'x')", ""),
            ("api platform('a:bom:1'), enforcedPlatform(libs.bom)", ""),
            ("api fileTree(dir: 'libs', include: ['*.jar'])\napi sourceSets.main.output", ""),
            ("api deps.some\n\napi(deps.more)", "2?deps api deps.some, 4?deps api(deps.more)"),
            ("api libs.some", "2?libs api libs.some"),
            ("api 'no coordinates'", "2? api 'no coordinates'"),
            ("commonDependencies()", "2?commonDependencies commonDependencies()"),
            ("['a:b:1'].each { api it }\nall.each { dep -> api dep }", "2?it api it }, 3?dep api dep }"),
            ("if (some) { api 'a:b:1' } else { api 'c:d:2' }", "a:b:1, c:d:2"),
            ("def v = '1'\nprintln 'a:b:1'\nlogger.info('a:b:c')", ""),
            ("constraints { api 'a:b:1' }\napi 'a:b'", "a:b:1"),
            ("components { all { x 'a:b:1' } }", ""),
            ("add('testImplementation', 'a:b:1')", "a:b:1 test"),
            (
                "api fg.deobf('a:b:1')\napi testFixtures('c:d:1')\napi dependencies.create('e:f:1')",
                "a:b:1, c:d:1, e:f:1",
            ),
            ("api npm('a', '1')", "2?npm api npm('a', '1')"),
            ("api(((((((((((('a:b:1'))))))))))))", "2? api(((((((((((('a:b:1'))))))))))))"),
        ] {
            assert_eq!(told(&format!("dependencies {{\n{body}\n}}"), Dialect::Groovy), expected, "{body}");
        }
    }

    #[test]
    fn what_scripts_in_kotlin_ask_for() {
        for (body, expected) in [
            ("runtimeOnly(group = \"a\", name = \"b\", version = \"1\")", "a:b:1"),
            ("runtimeOnly(\"a\", \"b\", \"1\")\nruntimeOnly(\"c\", \"d\")", "a:b:1, c:d:"),
            ("\"custom\"(\"a:b:1\")", "a:b:1"),
            (
                "implementation(kotlin(\"stdlib\"))\ntestImplementation(kotlin(\"test\", \"2.0\"))",
                "org.jetbrains.kotlin:kotlin-stdlib:, org.jetbrains.kotlin:kotlin-test:2.0 test",
            ),
            ("implementation(\n  \"a:b:1\"\n) { exclude(group = \"x\", module = \"y\") }", "a:b:1"),
            ("implementation(projects.core)\nimplementation(project(\":x\"))", ""),
            ("implementation(Versions.some)", "2?Versions implementation(Versions.some)"),
            ("add(\"implementation\", some)", "2?some add(\"implementation\", some)"),
        ] {
            assert_eq!(told(&format!("dependencies {{\n{body}\n}}"), Dialect::Kotlin), expected, "{body}");
        }
    }

    /// Scripts that are cut off anywhere are read as far as they go.
    #[test]
    fn a_script_may_end_anywhere() {
        let groovy = "def v = [a: '1']\ndependencies { api([group: 'a', name: 'b', version: v.a]) { because 'x' }\napi group: 'c', name: 'd', version: \"$v\"\napi libs.a + 'b', project(':x') }";
        let kotlin = "val v = mapOf(\"a\" to \"1\")\ndependencies { api(\"a\", \"b\", v[\"a\"]!!)\napi(kotlin(\"stdlib\"))\napi(group = \"c\", name = \"d\", version = v) }";
        for (text, dialect) in [(groovy, Dialect::Groovy), (kotlin, Dialect::Kotlin)] {
            for end in 0..=text.len() {
                told(&text[..end], dialect);
            }
        }
        assert_eq!(told("dependencies { api group: 'a', name: 'b', version:", Dialect::Groovy), "a:b:");
    }

    #[test]
    fn what_names_stand_for() {
        for (text, expected) in [
            (
                "def v = '1'\next.libs = [a: \"a:b:$v\", many: ['c:d:2', \"e:f:${v}\"]]\ndependencies { api libs.a, libs.many\napi(libs.a) { transitive = false } }",
                "a:b:1, a:b:1, c:d:2, e:f:1",
            ),
            (
                "ext { g = 'a'; v = '1' }\ndependencies { api group: g, name: 'b', version: v\napi \"$g:c:$v\"\napi g + ':d:' + v }",
                "a:b:1, a:c:1, a:d:1",
            ),
            (
                "dependencies { api group: g, name: 'b', version: v\napi \"$g:c:1\"\napi libs.a }",
                "1? api group: g, name: 'b', version: v, 2? api \"$g:c:1\", 3?libs api libs.a }",
            ),
            ("def v = '1'\ndependencies { api files(v), project(v), platform(\"a:bom:$v\") }", ""),
            ("def some = 'text'\ndependencies { api some }", "2? api some }"),
        ] {
            assert_eq!(told(text, Dialect::Groovy), expected, "{text}");
        }
        let text = "val v = \"1\"\nval libs = mapOf(\"a\" to \"a:b:$v\")\ndependencies { implementation(libs[\"a\"]!!)\nimplementation(\"c\", \"d\", v) }";
        assert_eq!(told(text, Dialect::Kotlin), "a:b:1, c:d:1");
    }

    #[test]
    fn what_stands_elsewhere() {
        for (text, expected) in [
            ("implementation(\"a:b:1\")\nx { y { api 'c:d:1', 'e:f:1' } }", "a:b:1, c:d:1"),
            ("api group: 'a', name: 'b'\nexclude group: 'c', name: 'd'\nregister('a', 'b')", "a:b:"),
            ("implementation deps.some", ""),
            ("include 'a:b', 'c:d'\ndependencies { include 'e:f:1' }", "e:f:1"),
            ("scm { connection 'scm:git:x'\ndeveloperConnection.set('scm:git:x')\nsome.more('a:b:1') }", ""),
            (
                "project.dependencies.add('api', some)\ncommonMain.dependencies { api 'a:b:1' }",
                "a:b:1, 1?some project.dependencies.add('api', some)",
            ),
            (
                "configurations.all { resolutionStrategy { force 'a:b:1', 'c:d:2' } }\ndependencies { api 'c:d' }",
                "c:d:2",
            ),
            (
                "dependencyManagement { imports { mavenBom 'a:bom:1' }\ndependencies { dependency 'a:b:1' } }\ndependencies { api 'a:b' }",
                "a:b:1",
            ),
            ("dependencies { api 'a:b:1' }; dependencies { api 'c:d:1'; api 'e:f:1' }", "a:b:1, c:d:1, e:f:1"),
            ("buildscript { dependencies { classpath 'a:b:1' } }", "a:b:1 test"),
            (
                "dependencyResolutionManagement { versionCatalogs { libs { library('x', 'a:b:1')\nlibrary('y', 'c', 'd').versionRef('v') }\ncreate('more') { from('e:f:1') } } }",
                "a:b:1, c:d:, e:f:1, catalog libs, catalog more",
            ),
            ("library()", ""),
        ] {
            assert_eq!(told(text, Dialect::Groovy), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(words in proptest::collection::vec("dependencies|constraints|versionCatalogs|api|add|library|group|name|kotlin|it|'a:b:1'|'a'|->|[(){}\\[\\],;:=.\n]", 0..60)) {
            let text = words.join(" ");
            told(&text, Dialect::Groovy);
            told(&text, Dialect::Kotlin);
        }
    }
}
