//! A strip that shows what fills a whole, each part as wide as it is large.

use std::fmt::{self, Write as _};

use askama::filters::{Escaper as _, Html, HtmlSafe};

use crate::words::{Bytes, grouped};

/// Shades that parts take in turn.
const SHADES: usize = 6;
/// The narrowest that a part is drawn, in thousandths of the strip: it can still be seen and pointed at.
const WIDTH_MIN: u64 = 4;
/// The narrowest part that has room for its size in words, in thousandths of the strip.
const WIDTH_OF_LABEL: u64 = 90;
/// The narrowest that has room for it on a phone too.
const WIDTH_OF_LABEL_ON_PHONE: u64 = 200;

/// A part of a whole.
struct Part {
    href: String,
    title: String,
    /// What is written on it where there is room.
    label: String,
    size: u64,
}

/// The strip.
pub(crate) struct Strip {
    title: &'static str,
    segments: Vec<Segment>,
}

struct Segment {
    part: Part,
    shade: usize,
    /// Thousandths of the strip.
    start: u64,
    width: u64,
}

impl Strip {
    /// Lays out layers, the lowest first. Empty ones are left out.
    pub(crate) fn of_layers(sizes_bytes: &[u64]) -> Self {
        let layer = |(index, size_bytes): (usize, &u64)| {
            let (number, label) = (index + 1, Bytes(*size_bytes).words());
            let title = format!("Layer {number}: {label}");
            Part { href: format!("#layer-{number}"), title, label, size: *size_bytes }
        };
        Self::new("Layers by size", sizes_bytes.iter().enumerate().map(layer).collect())
    }

    /// Lays out numbers of things of different kinds, each with the address of a list of them.
    pub(crate) fn of_kinds(title: &'static str, kinds: impl IntoIterator<Item = (&'static str, u64, String)>) -> Self {
        let kind = |(name, number, href): (&'static str, u64, String)| {
            let label = format!("{name} {}", grouped(number));
            Part { href, title: label.clone(), label, size: number }
        };
        Self::new(title, kinds.into_iter().map(kind).collect())
    }

    fn new(title: &'static str, parts: Vec<Part>) -> Self {
        let total: u128 = parts.iter().map(|part| u128::from(part.size)).sum();
        let drawn: Vec<(usize, Part)> = parts.into_iter().enumerate().filter(|(_, part)| part.size > 0).collect();
        let reserved = WIDTH_MIN * crate::words::count(drawn.len());
        let shared = 1000_u64.saturating_sub(reserved);
        let mut segments = Vec::new();
        let mut before: u128 = 0;
        for (position, (index, part)) in drawn.into_iter().enumerate() {
            // Starts are computed from sums, so that rounding never leaves a gap or an overlap.
            let edge = |sum: u128, count: usize| {
                let share = sum * u128::from(shared) / total.max(1);
                u64::try_from(share).unwrap_or(shared) + WIDTH_MIN * crate::words::count(count)
            };
            let start = edge(before, position);
            before += u128::from(part.size);
            let width = edge(before, position + 1) - start;
            segments.push(Segment { part, shade: shade(index), start, width });
        }
        Self { title, segments }
    }

    /// Returns whether there is anything to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.len() < 2
    }
}

/// Returns the shade of the part at this place.
pub(crate) fn shade(index: usize) -> usize {
    (index + 1) % SHADES
}

impl fmt::Display for Strip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = self.title;
        write!(f, "<svg class=\"strip\" role=\"img\" aria-label=\"{title}\" width=\"100%\" height=\"34\">")?;
        for Segment { part, shade, start, width } in &self.segments {
            f.write_str("<a href=\"")?;
            Html.write_escaped_str(&mut *f, &part.href)?;
            write!(f, "\" class=\"shade{shade}\"><title>")?;
            Html.write_escaped_str(&mut *f, &part.title)?;
            write!(
                f,
                "</title><rect x=\"{}%\" width=\"{}%\" y=\"0\" height=\"100%\"/>",
                Thousandths(*start),
                Thousandths(*width)
            )?;
            if *width >= WIDTH_OF_LABEL {
                let middle = start + width / 2;
                let class = if *width < WIDTH_OF_LABEL_ON_PHONE { " class=\"roomy\"" } else { "" };
                write!(f, "<text{class} x=\"{}%\" y=\"22\" text-anchor=\"middle\">", Thousandths(middle))?;
                Html.write_escaped_str(&mut *f, &part.label)?;
                f.write_str("</text>")?;
            }
            f.write_str("</a>")?;
        }
        f.write_str("</svg>")
    }
}

impl HtmlSafe for Strip {}

/// Thousandths, written as percent.
struct Thousandths(u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / 10)?;
        f.write_char('.')?;
        write!(f, "{}", self.0 % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts as the numbers of their layers, their starts and widths.
    fn check(sizes_bytes: &[u64], expected: &[(&str, u64, u64)]) {
        let strip = Strip::of_layers(sizes_bytes);
        let number = |segment: &Segment| segment.part.href.trim_start_matches("#layer-").to_owned();
        let found: Vec<_> =
            strip.segments.iter().map(|segment| (number(segment), segment.start, segment.width)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(number, start, width)| ((*number).to_owned(), *start, *width)).collect();
        assert_eq!(found, expected, "{sizes_bytes:?}");
    }

    #[test]
    fn layers_fill_the_strip_by_size() {
        check(&[], &[]);
        check(&[0, 0], &[]);
        check(&[7], &[("1", 0, 1000)]);
        check(&[5, 5], &[("1", 0, 500), ("2", 500, 500)]);
        check(&[1, 0, 1_000_000], &[("1", 0, 4), ("3", 4, 996)]);
        check(&[u64::MAX, u64::MAX], &[("1", 0, 500), ("2", 500, 500)]);
    }

    #[test]
    fn many_layers_stay_within_the_strip() {
        let strip = Strip::of_layers(&[1; 128]);
        let last = strip.segments.last().unwrap_or_else(|| panic!("a layer is drawn"));
        assert_eq!((strip.segments.len(), last.start + last.width), (128, 1000));
    }

    #[test]
    fn addresses_are_text() {
        let strip = Strip::of_kinds("Kinds", [("deb", 3, "/a?b=\"><script>&c".to_owned()), ("npm", 1, String::new())]);
        assert!(strip.to_string().contains("<a href=\"/a?b=&#34;&#62;&#60;script&#62;&#38;c\" class=\"shade1\">"));
    }
}
