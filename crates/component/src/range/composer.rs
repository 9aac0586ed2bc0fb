//! Composer's constraints: "Versions and constraints" of the Composer documentation, as `VersionParser` of composer/semver
//! 3.4 reads them: `^1.2 || ~2.0`, `>=1 <2`, `1.0 - 2.0`, `1.*`, `dev-main`. A bound without a stability begins with the
//! development of its version, as there.

use super::comparisons::SYMBOLS;
use super::{Operator, RangeError, Scheme, Term, raise};
use crate::version::Version;
use crate::version::composer::{self, Composer, modifier, split_stability};

/// A version of which some numbers may be missing.
struct Partial<'a> {
    numbers: Vec<&'a str>,
    /// It has a word of stability, or is in development.
    has_modifier: bool,
    /// It ends with `.x-dev`.
    is_branch: bool,
}

#[derive(Default)]
struct Bounds(Vec<Term>);

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    if text.trim().is_empty() {
        return Ok(vec![Vec::new()]);
    }
    text.replace("||", "|").split('|').map(parse_alternative).collect()
}

fn parse_alternative(text: &str) -> Result<Vec<Term>, RangeError> {
    let is_parting = |character: char| character == ',' || character.is_whitespace();
    let mut words = text.split(is_parting).filter(|word| !word.is_empty()).peekable();
    let mut bounds = Bounds::default();
    if words.peek().is_none() {
        return Err(form("a constraint stands on each side of ||"));
    }
    while let Some(word) = words.next() {
        let end = word.find(|character: char| !SYMBOLS.contains(character)).unwrap_or(word.len());
        let (symbol, mut version) = word.split_at(end);
        if version.is_empty() {
            version = words.next().ok_or(form("a version follows the comparison"))?;
        }
        match words.peek() {
            Some(&"-") if symbol.is_empty() => {
                words.next();
                bounds.hyphen(version, words.next().ok_or(form("a version follows the hyphen"))?)?;
                continue;
            }
            Some(&"as") => {
                words.next();
                words.next().ok_or(form("a version follows `as`"))?;
            }
            _ => {}
        }
        bounds.constraint(symbol, version)?;
    }
    Ok(bounds.0)
}

impl Bounds {
    fn constraint(&mut self, symbol: &str, text: &str) -> Result<(), RangeError> {
        let (text, stability) = split_stability(text);
        let text = match (without_reference(text, symbol), symbol) {
            ("", "") => "*",
            ("", _) => return Err(form("a version follows the comparison")),
            (text, _) => text,
        };
        match symbol {
            "" if is_wild(text.strip_prefix(['v', 'V']).unwrap_or(text)) => {
                if text.len() > 1 {
                    self.push(Operator::GreaterOrEqual, &read("0-dev")?);
                }
                Ok(())
            }
            "" => match split_wild(text) {
                Some(numbers) => self.wild(&numbers),
                None => self.comparison(Operator::Equal, text, stability),
            },
            "~" => self.tilde(text),
            "^" => self.caret(text),
            "=" | "==" => self.comparison(Operator::Equal, text, stability),
            "!=" | "<>" => self.comparison(Operator::NotEqual, text, stability),
            "<" => self.comparison(Operator::Less, text, stability),
            "<=" => self.comparison(Operator::LessOrEqual, text, stability),
            ">" => self.comparison(Operator::Greater, text, stability),
            ">=" => self.comparison(Operator::GreaterOrEqual, text, stability),
            _ => Err(form("a comparison begins with one of = != <> < <= > >= ~ ^")),
        }
    }

    /// A candidate (`-RC1`) as a bound would read back as its development, so the bound is moved to what is next to it.
    fn push(&mut self, operator: Operator, version: &Composer<'_>) {
        let term = match (version, operator) {
            (Composer::Numbered(numbered), Operator::GreaterOrEqual) if numbered.is_candidate() => {
                Term { operator: Operator::Greater, version: numbered.with_word("dev").to_string().into() }
            }
            (Composer::Numbered(numbered), Operator::Less) if numbered.is_candidate() => {
                Term { operator: Operator::LessOrEqual, version: numbered.with_word("dev").to_string().into() }
            }
            _ => Term { operator, version: version.to_string().into() },
        };
        self.0.push(term);
    }

    fn push_next(&mut self, numbers: &[&str], position: usize) -> Result<(), RangeError> {
        let next = filled(numbers, position, raise);
        self.push(Operator::Less, &read(&next)?);
        Ok(())
    }

    fn tilde(&mut self, text: &str) -> Result<(), RangeError> {
        let partial = Partial::parse(text)?;
        self.push_lower(text, &partial)?;
        let position = partial.numbers.len() + usize::from(partial.is_branch);
        self.push_next(&partial.numbers, position.saturating_sub(1).max(1))
    }

    fn caret(&mut self, text: &str) -> Result<(), RangeError> {
        let partial = Partial::parse(text)?;
        self.push_lower(text, &partial)?;
        let position = match partial.numbers[..] {
            ["0", "0", _, ..] => 3,
            ["0", _, ..] => 2,
            _ => 1,
        };
        self.push_next(&partial.numbers, position)
    }

    fn push_lower(&mut self, text: &str, partial: &Partial<'_>) -> Result<(), RangeError> {
        let suffix = if partial.has_modifier || partial.is_branch { "" } else { "-dev" };
        self.push(Operator::GreaterOrEqual, &read(&format!("{text}{suffix}"))?);
        Ok(())
    }

    fn wild(&mut self, numbers: &[&str]) -> Result<(), RangeError> {
        let lower = filled(numbers, numbers.len(), |_| {});
        if lower != "0.0.0.0-dev" {
            self.push(Operator::GreaterOrEqual, &read(&lower)?);
        }
        self.push_next(numbers, numbers.len())
    }

    fn hyphen(&mut self, from: &str, to: &str) -> Result<(), RangeError> {
        let (lower, upper) = (Partial::parse(from)?, Partial::parse(to)?);
        let begin = match read(from)? {
            Composer::Numbered(numbered) if !lower.has_modifier && !lower.is_branch => {
                Composer::Numbered(numbered.with_word("dev"))
            }
            version => version,
        };
        self.push(Operator::GreaterOrEqual, &begin);
        let end = read(to)?;
        if upper.numbers.len() > 2 || upper.has_modifier || upper.is_branch {
            self.push(Operator::LessOrEqual, &end);
            return Ok(());
        }
        self.push_next(&upper.numbers, upper.numbers.len())
    }

    fn comparison(&mut self, operator: Operator, text: &str, stability: Option<&str>) -> Result<(), RangeError> {
        let branch = text
            .strip_suffix("-dev")
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/')));
        let version = match (read(text), branch) {
            (Ok(version), _) => version,
            (Err(_), Some(name)) => Composer::Branch(name),
            (Err(error), None) => return Err(error),
        };
        let Composer::Numbered(numbered) = version else {
            self.push(operator, &version);
            return Ok(());
        };
        let stability = stability.filter(|stability| *stability != "stable" && operator != Operator::Equal);
        let version = match stability {
            Some(word) if version.is_stable() => {
                if numbered.has_word() {
                    return Err(form("a stability follows a version that has none"));
                }
                numbered.with_word(word)
            }
            _ if matches!(operator, Operator::Less | Operator::GreaterOrEqual) && !ends_with_modifier(text) => {
                numbered.with_word("dev")
            }
            _ => numbered,
        };
        self.push(operator, &Composer::Numbered(version));
        Ok(())
    }
}

impl<'a> Partial<'a> {
    fn parse(text: &'a str) -> Result<Self, RangeError> {
        let unreadable = || form("a version is 1, 1.2, 1.2.3 or 1.2.3.4, with a stability such as -beta1 or without");
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split_once('+').filter(|(_, build)| !build.is_empty()).map_or(text, |(version, _)| version);
        let (numbers, rest) = split_numbers(text, 4);
        if numbers.is_empty() {
            return Err(unreadable());
        }
        let branch = rest.strip_prefix('.').and_then(|rest| rest.strip_prefix(['x', 'X', '*']));
        let branch = branch.map(|rest| rest.strip_prefix(['.', '-']).unwrap_or(rest));
        if branch.is_some_and(|rest| rest.eq_ignore_ascii_case("dev")) {
            return Ok(Self { numbers, has_modifier: false, is_branch: true });
        }
        let (word, _, is_development) = modifier(rest).ok_or_else(unreadable)?;
        Ok(Self { numbers, has_modifier: !word.is_empty() || is_development, is_branch: false })
    }
}

/// Splits up to `count` numbers that dots part off a text.
fn split_numbers(text: &str, count: usize) -> (Vec<&str>, &str) {
    let (mut numbers, mut rest) = (Vec::with_capacity(count), text);
    while numbers.len() < count {
        let next = if numbers.is_empty() { Some(rest) } else { rest.strip_prefix('.') };
        let Some(next) = next else { break };
        let (number, after) = crate::version::number::split(next);
        if number.is_empty() {
            break;
        }
        numbers.push(number);
        rest = after;
    }
    (numbers, rest)
}

/// Returns the numbers of `1.2.*`, which are three at most.
fn split_wild(text: &str) -> Option<Vec<&str>> {
    let (numbers, rest) = split_numbers(text.strip_prefix('v').unwrap_or(text), 3);
    (!numbers.is_empty() && rest.strip_prefix('.').is_some_and(is_wild)).then_some(numbers)
}

fn is_wild(text: &str) -> bool {
    text.split('.').all(|part| matches!(part, "x" | "X" | "*"))
}

/// Returns four numbers: those up to the position, the last of them changed, then zeros, all in development.
fn filled(numbers: &[&str], position: usize, change: impl Fn(&mut String)) -> String {
    let mut filled: Vec<String> = numbers.iter().take(position).map(|number| (*number).to_owned()).collect();
    filled.resize(position, "0".to_owned());
    filled.last_mut().map(change);
    filled.resize(4, "0".to_owned());
    format!("{}-dev", filled.join("."))
}

/// Takes the commit off `dev-main#a1b2c3` and `1.x-dev#a1b2c3`, of which only Composer itself has use; after a comparison it
/// belongs to the name of the branch, as there.
fn without_reference<'a>(text: &'a str, symbol: &str) -> &'a str {
    let after_name = |index: usize| {
        let (version, commit) = (text.get(..index).unwrap_or_default(), text.get(index + 1..).unwrap_or_default());
        let version = version.to_ascii_lowercase();
        let is_branch = (symbol.is_empty() && version.starts_with("dev-") && version.len() > 4)
            || version.len() > 6 && version.ends_with(".x-dev");
        is_branch && !commit.is_empty()
    };
    let end = text.match_indices('#').map(|(index, _)| index).find(|index| after_name(*index));
    end.map_or(text, |end| &text[..end])
}

/// Tells whether a text ends with a hyphen and a stability, as Composer looks for it: in lower case, where it finds no `RC`.
fn ends_with_modifier(text: &str) -> bool {
    let has_candidate = |word: &str| word.eq_ignore_ascii_case("rc");
    text.match_indices('-')
        .any(|(index, _)| modifier(&text[index + 1..]).is_some_and(|(word, ..)| !has_candidate(word)))
}

fn read(text: &str) -> Result<Composer<'_>, RangeError> {
    Version::parse(Scheme::Composer, text).map_err(RangeError::Bound)?;
    composer::parse(text).map_err(|_| form("a version stands here"))
}

fn form(expected: &'static str) -> RangeError {
    RangeError::Form { scheme: Scheme::Composer, expected }
}
