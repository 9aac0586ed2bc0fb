//! Patterns of paths as Trivy and Grype have them (doublestar), in ours.

/// The most patterns that one becomes.
const VARIANTS_MAX: usize = 8;

/// Returns our patterns for the same paths, below `/`; none for one that ours cannot express: classes, alternatives, escapes.
pub(super) fn translate(pattern: &str) -> Option<Vec<String>> {
    let pattern = pattern.trim().trim_start_matches("./");
    if pattern.is_empty() || pattern.contains(['[', ']', '{', '}', '\\']) {
        return None;
    }
    let rooted = format!("/{}", pattern.trim_start_matches('/'));
    // There, `/**/` is one slash too.
    let mut variants = vec![String::new()];
    for (index, part) in rooted.split("/**/").enumerate() {
        if index == 0 {
            variants[0].push_str(part);
            continue;
        }
        variants =
            variants.iter().flat_map(|before| [format!("{before}/{part}"), format!("{before}/**/{part}")]).collect();
        if variants.len() > VARIANTS_MAX {
            return None;
        }
    }
    Some(variants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ours_cannot_say_is_none() {
        let many = "a/**/".repeat(5);
        for pattern in ["", "a[bc]", "{a,b}", "a\\*", &many] {
            assert_eq!(translate(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn two_stars_between_slashes_are_nothing_too() {
        for (pattern, expected) in [
            ("usr/lib/a", &["/usr/lib/a"][..]),
            ("./a", &["/a"]),
            ("/a/*", &["/a/*"]),
            ("**/a.jar", &["/a.jar", "/**/a.jar"]),
            ("a/**/b", &["/a/b", "/a/**/b"]),
            ("a/**", &["/a/**"]),
        ] {
            assert_eq!(translate(pattern).unwrap(), expected, "{pattern}");
        }
    }
}
