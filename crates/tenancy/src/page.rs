//! Keyset pages: a list continues after the last name that was seen, so a page costs the same wherever it lies.

/// Most items of a page: what a person scrolls and a program parses without a pause.
pub const PAGE_ITEMS_MAX: u32 = 1000;

/// Items of a page when the caller does not say.
pub const PAGE_ITEMS_DEFAULT: u32 = 100;

/// Where a page starts and how long it may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The last name of the page before; `None` for the first page.
    pub after: Option<String>,
    /// Items wanted; held between 1 and [`PAGE_ITEMS_MAX`].
    pub limit: Option<u32>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order of their names.
    pub items: Vec<T>,
    /// What to ask for [`PageRequest::after`] to get the next page; `None` at the end.
    pub next: Option<String>,
}

impl PageRequest {
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX) as usize
    }

    /// A NUL character, which no database holds, is in no name: what is before it sorts the same.
    pub(crate) fn after(&self) -> String {
        self.after.as_deref().and_then(|after| after.split('\0').next()).unwrap_or_default().to_owned()
    }
}

/// One row more than asked for tells whether there is a next page.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

impl<T> Page<T> {
    pub(crate) fn cut(mut items: Vec<T>, limit: usize, name: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(name) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_no_more_than_its_limit() {
        for (asked, expected) in
            [(None, 100), (Some(0), 1), (Some(1), 1), (Some(999), 999), (Some(1000), 1000), (Some(1001), 1000)]
        {
            assert_eq!(PageRequest { after: None, limit: asked }.limit(), expected, "{asked:?}");
        }
    }

    #[test]
    fn only_a_page_with_more_behind_it_names_the_next() {
        let page = |count: usize| Page::cut((0..count).map(|n| n.to_string()).collect(), 2, Clone::clone);
        assert_eq!(page(1).next, None);
        assert_eq!(page(2).next, None);
        assert_eq!(page(3), Page { items: vec!["0".into(), "1".into()], next: Some("1".into()) });
    }
}
