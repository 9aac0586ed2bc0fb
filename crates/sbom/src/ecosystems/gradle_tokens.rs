//! The words, texts and brackets of a Gradle build script, in Groovy or Kotlin, without its comments.
//!
//! Follows "Apache Groovy: Syntax" and the lexical grammar in the Kotlin language specification as far as it takes to know what is a text and what a comment.

#![expect(clippy::cast_possible_truncation, reason = "a script has less than 4 GiB, and so many tokens")]

use std::ops::Range;

/// The language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Groovy,
    Kotlin,
}

/// One piece of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Word(&'a str),
    /// What stands in quotes, as it is written.
    Text(&'a str),
    Symbol(char),
    /// One or several ends of lines.
    Line,
}

/// A piece, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) piece: Piece<'a>,
    /// In bytes.
    pub(crate) at: u32,
    /// Of an opening bracket the token that closes it, or the number of tokens; of any other its own.
    pub(crate) close: u32,
}

/// Splits a range of tokens at its commas, but for those within brackets; what is empty is left out.
pub(crate) fn listed(tokens: &[Token<'_>], range: Range<usize>) -> Vec<Range<usize>> {
    let mut listed = Vec::new();
    let (mut start, mut at) = (range.start, range.start);
    while at < range.end {
        if tokens[at].piece == Piece::Symbol(',') {
            listed.push(start..at);
            start = at + 1;
        }
        // Of what opens nothing the close is its own.
        at = (tokens[at].close as usize + 1).min(range.end);
    }
    listed.push(start.min(range.end)..range.end);
    listed.into_iter().map(|range| trimmed(tokens, range)).filter(|range| !range.is_empty()).collect()
}

/// Leaves the ends of lines at both ends of a range out.
pub(crate) fn trimmed(tokens: &[Token<'_>], range: Range<usize>) -> Range<usize> {
    let is_line = |at: usize| tokens.get(at).is_some_and(|token| token.piece == Piece::Line);
    let start = if is_line(range.start) { range.start + 1 } else { range.start };
    let end = if range.end > start && is_line(range.end - 1) { range.end - 1 } else { range.end };
    start..end.max(start)
}

/// Reads the tokens of a script, which has less than 4 GiB. Whatever is no script gives tokens too.
pub(crate) fn tokens(text: &str, dialect: Dialect) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut comments = Comments { nest: dialect == Dialect::Kotlin, end: true };
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let (piece, length) = match character {
            '\n' => (Some(Piece::Line), 1),
            _ if character.is_whitespace() => (None, character.len_utf8()),
            '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, comments.length(rest)),
            '/' if dialect == Dialect::Groovy && is_value_expected(&tokens) => slashy(rest),
            '"' | '\'' => {
                let (text, length) = quoted(rest, character);
                (Some(Piece::Text(text)), length)
            }
            _ if is_of_word(character) => {
                let length = rest.find(|character: char| !is_of_word(character)).unwrap_or(rest.len());
                (Some(Piece::Word(&rest[..length])), length)
            }
            _ => (Some(Piece::Symbol(character)), character.len_utf8()),
        };
        let is_again_line = piece == Some(Piece::Line) && tokens.last().is_some_and(|token| token.piece == Piece::Line);
        if let Some(piece) = piece.filter(|_| !is_again_line) {
            tokens.push(Token { piece, at: at as u32, close: tokens.len() as u32 });
        }
        at += length;
    }
    close(&mut tokens);
    tokens
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// What is known of the block comments of a script, so that an end that is not there is looked for once.
struct Comments {
    /// Whether they nest, as Kotlin's do.
    nest: bool,
    /// Whether they have an end.
    end: bool,
}

impl Comments {
    /// Finds where the comment at the beginning of a text ends. Where nesting leaves it open, it does not nest; one without an end is none: what stands
    /// behind it is rather read than lost.
    fn length(&mut self, rest: &str) -> usize {
        if self.nest {
            if let Some(length) = nested(rest.as_bytes()) {
                return length;
            }
            self.nest = false;
        }
        let end = if self.end { rest[2..].find("*/") } else { None };
        self.end = end.is_some();
        end.map_or(2, |end| end + 4)
    }
}

fn nested(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (2, 1);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"*/" if depth == 1 => return Some(at + 2),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            b"/*" => (at, depth) = (at + 2, depth + 1),
            _ => at += 1,
        }
    }
    None
}

/// Whether a text may begin here, so that a slash does not divide.
fn is_value_expected(tokens: &[Token<'_>]) -> bool {
    match tokens.last().map(|token| token.piece) {
        None | Some(Piece::Line) => true,
        Some(Piece::Symbol(symbol)) => "(,=~:[!&|?{};".contains(symbol),
        Some(Piece::Word(_) | Piece::Text(_)) => false,
    }
}

/// Reads a text between slashes, which ends on its line.
fn slashy(rest: &str) -> (Option<Piece<'_>>, usize) {
    let mut is_escaped = false;
    let end = rest.char_indices().skip(1).take_while(|(_, character)| *character != '\n').find(|(_, character)| {
        let is_end = *character == '/' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        is_end
    });
    match end {
        Some((end, _)) => (Some(Piece::Text(&rest[1..end])), end + 1),
        None => (Some(Piece::Symbol('/')), 1),
    }
}

/// Reads a text in quotes: over several lines in three of them, to the end of the line at most in one. Returns it with how long it is with its quotes.
fn quoted(rest: &str, quote: char) -> (&str, usize) {
    let triple = [quote; 3].iter().collect::<String>();
    if let Some(end) = rest.strip_prefix(&triple).and_then(|inner| inner.find(&triple)) {
        return (&rest[3..3 + end], end + 6);
    }
    let bytes = rest.as_bytes();
    // What is put into a text in double quotes may have such quotes itself: `"a:b:${versions["b"]}"`.
    let (mut at, mut depth) = (1, 0_usize);
    while at < bytes.len() && bytes[at] != b'\n' {
        match bytes[at] {
            b'\\' if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => at += 1,
            b'{' if quote == '"' && (depth > 0 || bytes[at - 1] == b'$') => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            byte if depth == 0 && char::from(byte) == quote => return (&rest[1..at], at + 1),
            _ => {}
        }
        at += 1;
    }
    // A byte of a character that an escape went into is none of its ends.
    while !rest.is_char_boundary(at) {
        at += 1;
    }
    (&rest[1..at], at)
}

/// Joins brackets. One that another kind closes ends there too; one that nothing opens is left.
fn close(tokens: &mut [Token<'_>]) {
    let kind = |symbol: char| match symbol {
        '(' | ')' => Some(0),
        '[' | ']' => Some(1),
        '{' | '}' => Some(2),
        _ => None,
    };
    let end = tokens.len() as u32;
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut count = [0_usize; 3];
    for at in 0..tokens.len() {
        let Piece::Symbol(symbol) = tokens[at].piece else { continue };
        let Some(kind) = kind(symbol) else { continue };
        if matches!(symbol, '(' | '[' | '{') {
            tokens[at].close = end;
            open.push((at, kind));
            count[kind] += 1;
            continue;
        }
        while count[kind] > 0 {
            let (opened, opened_kind) = open.pop().expect("what is counted is open");
            tokens[opened].close = at as u32;
            count[opened_kind] -= 1;
            if opened_kind == kind {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_scripts() {
        let told = |text: &str, dialect: Dialect| {
            let piece = |token: &Token<'_>| match token.piece {
                Piece::Word(word) => word.to_owned(),
                Piece::Text(text) => format!("<{text}>"),
                Piece::Symbol(symbol) => symbol.to_string(),
                Piece::Line => "|".to_owned(),
            };
            tokens(text, dialect).iter().map(piece).collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("", ""),
            ("a 'b' // c 'd'\n\n\n e", "a <b> | e"),
            ("a /* 'b' \n c */ d /**/ e", "a d e"),
            ("a /* /* b */ c", "a c"),
            ("a /* b", "a b"),
            ("\"a\\\"b\" 'c\\\\' d", "<a\\\"b> <c\\\\> d"),
            ("\"a:${x[\"y\"]}:b\" c", "<a:${x[\"y\"]}:b> c"),
            ("'it\nb", "<it> | b"),
            ("'''a\n'b' ''' c \"\"\"d\"\"\"", "<a\n'b' > c <d>"),
            ("'''a\nb", "<> <a> | b"),
            ("x = ~/it's \\/* x/ + y\nz / 'w'", "x = ~ <it's \\/* x> + y | z / <w>"),
            ("'\\\u{fc}", "<\\\u{fc}>"),
            ("'\\", "<\\>"),
            ("\u{fc}ber \u{2192} $a_1", "\u{fc}ber \u{2192} $a_1"),
        ] {
            assert_eq!(told(text, Dialect::Groovy), expected, "{text:?}");
        }
        assert_eq!(told("a /* /* b */ c */ d", Dialect::Kotlin), "a d");
        assert_eq!(told("a /* /* b */ c /* d */ e", Dialect::Kotlin), "a c e");
        assert_eq!(told("(/b/)", Dialect::Kotlin), "( / b / )");
    }

    #[test]
    fn brackets_are_joined() {
        let closes = |text: &str| tokens(text, Dialect::Kotlin).iter().map(|token| token.close).collect::<Vec<_>>();
        assert_eq!(closes("(a[b]{})"), [7, 1, 4, 3, 4, 6, 6, 7]);
        assert_eq!(closes("{(}"), [2, 2, 2]);
        assert_eq!(closes("((a)"), [4, 3, 2, 3]);
        assert_eq!(closes(")a}"), [0, 1, 2]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[a'\"/*\\\\${}()\\[\\]\n \u{fc}.:,=]{0,60}") {
            tokens(&text, Dialect::Groovy);
            tokens(&text, Dialect::Kotlin);
        }
    }
}
