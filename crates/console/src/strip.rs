//! A strip that shows an image's layers by their size.

use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;

use crate::words::Bytes;

/// Shades that layers take in turn.
pub(crate) const SHADES: usize = 6;
/// The narrowest that a layer is drawn, in thousandths of the strip: it can still be seen and pointed at.
const WIDTH_MIN: u64 = 4;
/// The narrowest layer that has room for its size in words, in thousandths of the strip.
const WIDTH_OF_LABEL: u64 = 90;
/// The narrowest that has room for it on a phone too.
const WIDTH_OF_LABEL_ON_PHONE: u64 = 200;

/// The strip. It writes markup from numbers alone.
pub(crate) struct Strip(Vec<Segment>);

#[derive(Debug, PartialEq, Eq)]
struct Segment {
    /// Number of the layer, from 1.
    number: usize,
    size_bytes: u64,
    /// Thousandths of the strip.
    start: u64,
    width: u64,
}

impl Strip {
    /// Lays out layers, the lowest first. Empty ones are left out.
    pub(crate) fn new(sizes_bytes: &[u64]) -> Self {
        let total: u128 = sizes_bytes.iter().map(|size_bytes| u128::from(*size_bytes)).sum();
        let layers: Vec<(usize, u64)> = sizes_bytes
            .iter()
            .enumerate()
            .filter(|(_, size_bytes)| **size_bytes > 0)
            .map(|(index, size)| (index + 1, *size))
            .collect();
        let reserved = WIDTH_MIN * crate::words::count(layers.len());
        let shared = 1000_u64.saturating_sub(reserved);
        let mut segments = Vec::new();
        let mut before: u128 = 0;
        for (position, (number, size_bytes)) in layers.into_iter().enumerate() {
            // Starts are computed from sums, so that rounding never leaves a gap or an overlap.
            let edge = |sum: u128, count: usize| {
                let share = sum * u128::from(shared) / total.max(1);
                u64::try_from(share).unwrap_or(shared) + WIDTH_MIN * crate::words::count(count)
            };
            let start = edge(before, position);
            before += u128::from(size_bytes);
            let width = edge(before, position + 1) - start;
            segments.push(Segment { number, size_bytes, start, width });
        }
        Self(segments)
    }

    /// Returns whether there is anything to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() < 2
    }
}

impl fmt::Display for Strip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<svg class=\"strip\" role=\"img\" aria-label=\"Layers by size\" width=\"100%\" height=\"34\">")?;
        for Segment { number, size_bytes, start, width } in &self.0 {
            let (size, shade) = (Bytes(*size_bytes).words(), number % SHADES);
            write!(
                f,
                "<a href=\"#layer-{number}\" class=\"shade{shade}\"><title>Layer {number}: {size}</title>\
                 <rect x=\"{}%\" width=\"{}%\" y=\"0\" height=\"100%\"/>",
                Thousandths(*start),
                Thousandths(*width)
            )?;
            if *width >= WIDTH_OF_LABEL {
                let middle = start + width / 2;
                let class = if *width < WIDTH_OF_LABEL_ON_PHONE { " class=\"roomy\"" } else { "" };
                write!(f, "<text{class} x=\"{}%\" y=\"22\" text-anchor=\"middle\">{size}</text>", Thousandths(middle))?;
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

    fn check(sizes_bytes: &[u64], expected: &[(usize, u64, u64)]) {
        let found: Vec<_> =
            Strip::new(sizes_bytes).0.iter().map(|part| (part.number, part.start, part.width)).collect();
        assert_eq!(found, expected, "{sizes_bytes:?}");
    }

    #[test]
    fn layers_fill_the_strip_by_size() {
        check(&[], &[]);
        check(&[0, 0], &[]);
        check(&[7], &[(1, 0, 1000)]);
        check(&[5, 5], &[(1, 0, 500), (2, 500, 500)]);
        check(&[1, 0, 1_000_000], &[(1, 0, 4), (3, 4, 996)]);
        check(&[u64::MAX, u64::MAX], &[(1, 0, 500), (2, 500, 500)]);
    }

    #[test]
    fn many_layers_stay_within_the_strip() {
        let strip = Strip::new(&[1; 128]);
        let last = strip.0.last().unwrap_or_else(|| panic!("a layer is drawn"));
        assert_eq!((strip.0.len(), last.start + last.width), (128, 1000));
    }
}
