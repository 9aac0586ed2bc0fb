//! Control files in the syntax of Debian: paragraphs of fields, as in deb822(5). dpkg, apt and opkg keep their databases in it.

/// One paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paragraph<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

/// The most fields of one paragraph that are looked at; a package has thirty at most.
const FIELDS_MAX: usize = 256;

impl<'a> Paragraph<'a> {
    /// Returns the value of a field, whatever the case of its name, without space around it; lines that continue it are part of it.
    /// An empty value is none.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.fields.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns the first line of a field's value, where that has any.
    pub(crate) fn line(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.fields.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))?;
        let line = value.split('\n').next().unwrap_or_default().trim();
        Some(line).filter(|line| !line.is_empty())
    }
}

/// Returns the paragraphs that have a field. Lines that are neither field, continuation nor comment are passed over.
pub(crate) fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let paragraph = next_paragraph(&mut rest);
            if !paragraph.fields.is_empty() {
                return Some(paragraph);
            }
        }
    })
}

fn next_paragraph<'a>(rest: &mut &'a str) -> Paragraph<'a> {
    let text = *rest;
    let mut fields: Vec<(&'a str, &'a str)> = Vec::new();
    // The present field's name and where its value begins and ends.
    let mut open: Option<(&'a str, usize, usize)> = None;
    let mut offset = 0;
    let close = |open: Option<(&'a str, usize, usize)>, fields: &mut Vec<(&'a str, &'a str)>| {
        if let Some((name, from, to)) = open
            && fields.len() < FIELDS_MAX
        {
            fields.push((name, &text[from..to]));
        }
    };
    for line in text.split_inclusive('\n') {
        let begin = offset;
        offset += line.len();
        let content = line.trim_end();
        if content.is_empty() {
            break;
        }
        if content.starts_with([' ', '\t']) {
            if let Some((_, _, to)) = &mut open {
                *to = begin + content.len();
            }
            continue;
        }
        if content.starts_with('#') {
            continue;
        }
        close(open.take(), &mut fields);
        if let Some((name, _)) = content.split_once(':') {
            open = Some((name.trim_end(), begin + name.len() + 1, begin + content.len()));
        }
    }
    close(open, &mut fields);
    *rest = &text[offset..];
    Paragraph { fields }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&[(&str, &str)]]) {
        let found: Vec<_> = paragraphs(text).map(|paragraph| paragraph.fields).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn what_is_no_field_is_passed_over() {
        check("", &[]);
        check("\n\n \n", &[]);
        check("no field\n continued\n", &[]);
        check("# comment\n\n# comment", &[]);
    }

    #[test]
    fn fields_and_their_continuations_are_read() {
        check("A: 1\nB:2\n", &[&[("A", " 1"), ("B", "2")]]);
        check("A: 1\n x\n y\nB: 2", &[&[("A", " 1\n x\n y"), ("B", " 2")]]);
        check("A:\n x\n# between\n\ty\n", &[&[("A", "\n x\n# between\n\ty")]]);
        check("A: 1\r\nB: 2\r\n\r\nC: 3\r\n", &[&[("A", " 1"), ("B", " 2")], &[("C", " 3")]]);
        check("\n\nA: 1\n\n\n \nB: 2\n", &[&[("A", " 1")], &[("B", " 2")]]);
    }

    #[test]
    fn values_are_had_by_name_in_any_case() {
        let paragraph = paragraphs("Package: a\nEmpty:\nLong: first\n second\nOnly:\n below\n").next().expect("one");
        assert_eq!(paragraph.get("package"), Some("a"));
        assert_eq!(paragraph.get("Empty"), None);
        assert_eq!(paragraph.get("Absent"), None);
        assert_eq!(paragraph.get("Long"), Some("first\n second"));
        assert_eq!(paragraph.line("Long"), Some("first"));
        assert_eq!(paragraph.line("Only"), None);
        assert_eq!(paragraph.get("Only"), Some("below"));
    }

    #[test]
    fn fields_end_at_the_limit() {
        for (count, expected) in [(255, 255), (256, 256), (257, 256)] {
            let text = (0..count).map(|index| format!("F{index}: x\n")).collect::<Vec<_>>().concat();
            assert_eq!(paragraphs(&text).map(|paragraph| paragraph.fields.len()).sum::<usize>(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([A-Z]{0,2}:? ?[a-zé#]{0,3}[\r\n\t ]{0,3}){0,20}") {
            for paragraph in paragraphs(&text) {
                prop_assert!(!paragraph.fields.is_empty());
            }
        }
    }
}
