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
    /// What is written before the label where there is more room.
    origin: &'static str,
    size: u64,
    shade: usize,
}

/// A layer as a part of an image.
pub(crate) struct LayerPart {
    pub(crate) size_bytes: u64,
    pub(crate) origin: Origin,
    /// The step that made it; empty where it is not known.
    pub(crate) step: String,
    /// How many components are in it; empty where that is not known.
    pub(crate) components: String,
}

/// What made a layer: the instruction of the build file, as far as the image's history tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `RUN`.
    Run,
    /// `COPY`.
    Copy,
    /// `ADD`, which begins most base images too.
    Add,
    /// Builders that know no instructions, and instructions that make next to nothing.
    Other,
    /// The history tells nothing.
    Unknown,
}

impl Origin {
    /// Reads the first word of a step.
    pub(crate) fn of(step: &str) -> Self {
        match step.split_whitespace().next() {
            None => Self::Unknown,
            Some("RUN") => Self::Run,
            Some("COPY") => Self::Copy,
            Some("ADD") => Self::Add,
            Some(_) => Self::Other,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Run => "RUN",
            Self::Copy => "COPY",
            Self::Add => "ADD",
            Self::Other | Self::Unknown => "",
        }
    }

    /// Returns the shade of all that come from here; where nothing is known, layers take shades in turn.
    pub(crate) fn shade(self, index: usize) -> usize {
        match self {
            Self::Run => 1,
            Self::Copy => 2,
            Self::Add => 5,
            Self::Other => 0,
            Self::Unknown => shade(index),
        }
    }
}

/// The strip.
pub(crate) struct Strip {
    title: &'static str,
    segments: Vec<Segment>,
}

struct Segment {
    part: Part,
    /// Thousandths of the strip.
    start: u64,
    width: u64,
}

impl Strip {
    /// Lays out layers, the lowest first. Empty ones are left out.
    pub(crate) fn of_layers(layers: &[LayerPart]) -> Self {
        let layer = |(index, layer): (usize, &LayerPart)| {
            let (number, label) = (index + 1, Bytes(layer.size_bytes).words());
            let told = [&label, &layer.components, &layer.step].map(String::as_str);
            let told: Vec<&str> = told.into_iter().filter(|part| !part.is_empty()).collect();
            Part {
                href: format!("#layer-{number}"),
                title: format!("Layer {number}: {}", told.join(", ")),
                label,
                origin: layer.origin.word(),
                size: layer.size_bytes,
                shade: layer.origin.shade(index),
            }
        };
        let is_known = layers.iter().any(|layer| layer.origin != Origin::Unknown);
        let title = if is_known { "Layers by size and origin" } else { "Layers by size" };
        Self::new(title, layers.iter().enumerate().map(layer).collect())
    }

    /// Lays out numbers of things of different kinds, each with the address of a list of them.
    pub(crate) fn of_kinds(title: &'static str, kinds: impl IntoIterator<Item = (&'static str, u64, String)>) -> Self {
        let kind = |(index, (name, number, href)): (usize, (&'static str, u64, String))| {
            let label = format!("{name} {}", grouped(number));
            Part { href, title: label.clone(), label, origin: "", size: number, shade: shade(index) }
        };
        Self::new(title, kinds.into_iter().enumerate().map(kind).collect())
    }

    fn new(title: &'static str, parts: Vec<Part>) -> Self {
        let total: u128 = parts.iter().map(|part| u128::from(part.size)).sum();
        let drawn: Vec<Part> = parts.into_iter().filter(|part| part.size > 0).collect();
        let reserved = WIDTH_MIN * crate::words::count(drawn.len());
        let shared = 1000_u64.saturating_sub(reserved);
        let mut segments = Vec::new();
        let mut before: u128 = 0;
        for (position, part) in drawn.into_iter().enumerate() {
            // Starts are computed from sums, so that rounding never leaves a gap or an overlap.
            let edge = |sum: u128, count: usize| {
                let share = sum * u128::from(shared) / total.max(1);
                u64::try_from(share).unwrap_or(shared) + WIDTH_MIN * crate::words::count(count)
            };
            let start = edge(before, position);
            before += u128::from(part.size);
            let width = edge(before, position + 1) - start;
            segments.push(Segment { part, start, width });
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
        for Segment { part, start, width } in &self.segments {
            f.write_str("<a href=\"")?;
            Html.write_escaped_str(&mut *f, &part.href)?;
            write!(f, "\" class=\"shade{}\"><title>", part.shade)?;
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
                if !part.origin.is_empty() {
                    write!(f, "<tspan class=\"roomy\">{} </tspan>", part.origin)?;
                }
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

    fn layers(sizes_bytes: &[u64]) -> Strip {
        let layer = |size_bytes: &u64| LayerPart {
            size_bytes: *size_bytes,
            origin: Origin::Unknown,
            step: String::new(),
            components: String::new(),
        };
        Strip::of_layers(&sizes_bytes.iter().map(layer).collect::<Vec<_>>())
    }

    /// Parts as the numbers of their layers, their starts and widths.
    fn check(sizes_bytes: &[u64], expected: &[(&str, u64, u64)]) {
        let strip = layers(sizes_bytes);
        let number = |segment: &Segment| segment.part.href.trim_start_matches("#layer-").to_owned();
        let found: Vec<_> =
            strip.segments.iter().map(|segment| (number(segment), segment.start, segment.width)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(number, start, width)| ((*number).to_owned(), *start, *width)).collect();
        assert_eq!(found, expected, "{sizes_bytes:?}");
    }

    #[test]
    fn layers_tell_where_they_come_from() {
        let steps = [
            ("ADD file:5a in /", Origin::Add, 5),
            ("RUN make", Origin::Run, 1),
            ("COPY . /app", Origin::Copy, 2),
            ("WORKDIR /app", Origin::Other, 0),
            ("# debian.sh --arch amd64", Origin::Other, 0),
            ("RUNNER", Origin::Other, 0),
            ("", Origin::Unknown, 0),
        ];
        for (index, (step, origin, shade)) in steps.into_iter().enumerate() {
            assert_eq!(
                (Origin::of(step), origin.shade(index)),
                (origin, if step.is_empty() { 1 } else { shade }),
                "{step}"
            );
        }
        let part = |step: &str, components: &str| LayerPart {
            size_bytes: 4096,
            origin: Origin::of(step),
            step: step.to_owned(),
            components: components.to_owned(),
        };
        let text = Strip::of_layers(&[part("RUN <a>", "2 components"), part("", "")]).to_string();
        assert!(text.contains("aria-label=\"Layers by size and origin\""), "{text}");
        assert!(text.contains("<title>Layer 1: 4.0 KiB, 2 components, RUN &#60;a&#62;</title>"), "{text}");
        assert!(text.contains("<tspan class=\"roomy\">RUN </tspan>4.0 KiB</text>"), "{text}");
        assert!(text.contains("<title>Layer 2: 4.0 KiB</title>"), "{text}");
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
        let strip = layers(&[1; 128]);
        let last = strip.segments.last().unwrap_or_else(|| panic!("a layer is drawn"));
        assert_eq!((strip.segments.len(), last.start + last.width), (128, 1000));
    }

    #[test]
    fn addresses_are_text() {
        let strip = Strip::of_kinds("Kinds", [("deb", 3, "/a?b=\"><script>&c".to_owned()), ("npm", 1, String::new())]);
        assert!(strip.to_string().contains("<a href=\"/a?b=&#34;&#62;&#60;script&#62;&#38;c\" class=\"shade1\">"));
    }
}
