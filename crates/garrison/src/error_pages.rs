//! The pages of `docs/errors`, embedded.

/// Every page: its code and its Markdown, sorted by code.
pub(crate) const ERROR_PAGES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// Returns the page of a code, in whatever case it is written.
pub(crate) fn find(code: &str) -> Option<&'static str> {
    ERROR_PAGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_opens_with_its_code() {
        for (code, page) in ERROR_PAGES {
            assert!(page.lines().next().is_some_and(|line| line.starts_with("# ") && line.contains(code)), "{code}");
            assert_eq!(find(&code.to_lowercase()), Some(*page));
        }
        assert_eq!(find("no such code"), None);
    }
}
