//! Maven artifacts: "POM reference", section Version Order Specification, as `ComparableVersion` of Maven 3.9 has it.
//!
//! That order has circles among odd versions: `1` < `1+` < `1-00rc` < `1`. It is Maven's, so it is ours.

use std::cmp::Ordering;

use super::{Reason, number};

/// A version as a list that may end with a list, and that with another. Where one begins, an item [`Item::List`] stands.
#[derive(Clone, Debug)]
pub(crate) struct Maven<'a>(Box<[Item<'a>]>);

#[derive(Clone, Copy, Debug)]
enum Item<'a> {
    Number(&'a str),
    Qualifier(Qualifier<'a>),
    List,
}

/// A word: its place among the known ones, and itself where it is unknown.
#[derive(Clone, Copy, Debug)]
struct Qualifier<'a> {
    place: u8,
    unknown: &'a str,
}

/// The place of a version without a qualifier.
const RELEASE: u8 = 5;

impl<'a> Qualifier<'a> {
    fn new(word: &'a str, is_numbered: bool) -> Self {
        let known = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        let place = match word {
            "a" | "A" if is_numbered => 0,
            "b" | "B" if is_numbered => 1,
            "m" | "M" if is_numbered => 2,
            _ if known(&["alpha"]) => 0,
            _ if known(&["beta"]) => 1,
            _ if known(&["milestone"]) => 2,
            _ if known(&["rc", "cr"]) => 3,
            _ if known(&["snapshot"]) => 4,
            _ if known(&["", "ga", "final", "release"]) => RELEASE,
            _ if known(&["sp"]) => 6,
            _ => return Self { place: 7, unknown: word },
        };
        Self { place, unknown: "" }
    }

    fn order(self, other: Self) -> Ordering {
        let lower = |word: &'a str| word.bytes().map(|byte| byte.to_ascii_lowercase());
        self.place
            .cmp(&other.place)
            .then_with(|| lower(self.unknown).cmp(other.unknown.bytes().map(|byte| byte.to_ascii_lowercase())))
    }
}

pub(super) fn parse(text: &str) -> Result<Maven<'_>, Reason> {
    super::check_printing(text)?;
    let mut lists = split(text);
    for index in (0..lists.len()).rev() {
        let kept = lists[index].iter().rposition(|item| !item.is_nothing()).map_or(0, |last| last + 1);
        lists[index].truncate(kept);
        if kept == 0 && index > 0 && lists.len() == index + 1 {
            lists.truncate(index);
        }
    }
    let mut items = Vec::new();
    for (index, list) in lists.into_iter().enumerate() {
        if index > 0 {
            items.push(Item::List);
        }
        items.extend(list);
    }
    Ok(Maven(items.into_boxed_slice()))
}

/// Splits at dots, at hyphens, and between digits and what is none; each list but the first is the last item of the one
/// before it.
fn split(text: &str) -> Vec<Vec<Item<'_>>> {
    let mut lists: Vec<Vec<Item<'_>>> = vec![Vec::new()];
    let mut start = 0;
    let mut in_digits = false;
    for (index, byte) in text.bytes().enumerate() {
        let is_start = index == start;
        match byte {
            b'.' | b'-' => {
                push(&mut lists, if is_start { Item::Number("0") } else { item(&text[start..index], in_digits) });
                start = index + 1;
                if byte == b'-' {
                    lists.push(Vec::new());
                }
            }
            b'0'..=b'9' => {
                if !in_digits && !is_start {
                    begin_list(&mut lists);
                    push(&mut lists, Item::Qualifier(Qualifier::new(&text[start..index], true)));
                    start = index;
                    lists.push(Vec::new());
                }
                in_digits = true;
            }
            _ => {
                if in_digits && !is_start {
                    push(&mut lists, item(&text[start..index], true));
                    start = index;
                    lists.push(Vec::new());
                }
                in_digits = false;
            }
        }
    }
    if start < text.len() {
        if !in_digits {
            begin_list(&mut lists);
        }
        push(&mut lists, item(&text[start..], in_digits));
    }
    lists
}

fn push<'a>(lists: &mut [Vec<Item<'a>>], item: Item<'a>) {
    if let Some(list) = lists.last_mut() {
        list.push(item);
    }
}

fn begin_list(lists: &mut Vec<Vec<Item<'_>>>) {
    if lists.last().is_some_and(|list| !list.is_empty()) {
        lists.push(Vec::new());
    }
}

fn item(text: &str, is_number: bool) -> Item<'_> {
    if is_number { Item::Number(text) } else { Item::Qualifier(Qualifier::new(text, false)) }
}

impl Item<'_> {
    fn is_nothing(self) -> bool {
        match self {
            Self::Number(number) => number::is_zero(number),
            Self::Qualifier(qualifier) => qualifier.place == RELEASE,
            Self::List => false,
        }
    }

    /// Orders an item other than a list against there being none.
    fn order_to_nothing(self) -> Ordering {
        match self {
            Self::Number(number) if number::is_zero(number) => Ordering::Equal,
            Self::Number(_) => Ordering::Greater,
            Self::Qualifier(qualifier) => qualifier.place.cmp(&RELEASE),
            Self::List => Ordering::Equal,
        }
    }

    fn order(self, other: Item<'_>) -> Ordering {
        let kind = |item: &Item<'_>| match item {
            Item::Qualifier(_) => 0,
            Item::List => 1,
            Item::Number(_) => 2,
        };
        kind(&self).cmp(&kind(&other)).then_with(|| match (self, other) {
            (Self::Number(left), Item::Number(right)) => number::compare(left, right),
            (Self::Qualifier(left), Item::Qualifier(right)) => left.order(right),
            _ => Ordering::Equal,
        })
    }
}

impl Maven<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = (self.0.iter(), other.0.iter());
        loop {
            let order = match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (Some(left), Some(right)) => left.order(*right),
                (Some(item), None) => item.order_to_nothing(),
                (None, Some(item)) => item.order_to_nothing().reverse(),
            };
            if order.is_ne() {
                return order;
            }
        }
    }
}
