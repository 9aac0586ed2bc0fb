use component::Pattern;

/// How far authors are trusted: who goes before whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    levels: Vec<Vec<Pattern>>,
    others: Others,
}

/// What becomes of authors that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Others {
    /// They come after all who were named.
    Last,
    /// What they say does not count.
    Ignored,
}

impl Trust {
    /// Returns the trust of one who makes no difference between authors: the newest word holds.
    pub fn in_all() -> Self {
        Self { levels: Vec::new(), others: Others::Last }
    }

    /// Takes levels of authors, the most trusted first; a pattern is held against the author as the document states it, in any letter case.
    pub fn new(levels: Vec<Vec<Pattern>>, others: Others) -> Self {
        Self { levels, others }
    }

    /// Returns an author's level, zero for the most trusted; none for one whose word does not count.
    pub fn level(&self, author: &str) -> Option<usize> {
        let named = self.levels.iter().position(|level| level.iter().any(|one| one.matches_ignoring_case(author)));
        named.or((self.others == Others::Last).then_some(self.levels.len()))
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::in_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_level_that_names_an_author_is_theirs() {
        let levels = ["Red Hat*", "*@example.com"].map(|text| vec![Pattern::parse(text).unwrap()]).to_vec();
        let table = [
            ("Someone", Some(2), None),
            ("red hat product security", Some(0), Some(0)),
            ("a@example.com", Some(1), Some(1)),
        ];
        for (author, with_others, without) in table {
            assert_eq!(Trust::new(levels.clone(), Others::Last).level(author), with_others, "{author}");
            assert_eq!(Trust::new(levels.clone(), Others::Ignored).level(author), without, "{author}");
        }
        assert_eq!(Trust::in_all().level(""), Some(0));
    }
}
