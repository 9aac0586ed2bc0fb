//! Absolute paths with `/` between their parts, as text.

/// Splits a path into its folder and its last part. The root's folder is empty.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Returns the folder of a path; empty for what stands in the root.
pub(crate) fn folder(path: &str) -> &str {
    split(path).0
}

/// Joins a relative path to a folder and takes `.` and `..` out; what would leave the root stays in it. An absolute path stands for itself.
pub(crate) fn join(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let base = if relative.starts_with('/') { "" } else { folder };
    for part in base.split('/').chain(relative.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut path = String::with_capacity(folder.len() + relative.len() + 1);
    for part in parts {
        path.push('/');
        path.push_str(part);
    }
    path
}

/// Returns the folder and those that it is in, innermost first, the root (empty) last.
pub(crate) fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| if folder.is_empty() { None } else { Some(self::folder(folder)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_root() {
        let check = |folder: &str, relative: &str, expected: &str| assert_eq!(join(folder, relative), expected);
        check("/usr/lib", "../../bin/tool", "/bin/tool");
        check("/usr", "../../../../etc/passwd", "/etc/passwd");
        check("", "a/./b//c", "/a/b/c");
        check("/usr", "/opt/x", "/opt/x");
        check("/usr", "..", "");
        assert_eq!(ancestors("/a/b").collect::<Vec<_>>(), ["/a/b", "/a", ""]);
        assert_eq!(ancestors("").collect::<Vec<_>>(), [""]);
        assert_eq!(split("/a/b"), ("/a", "b"));
        assert_eq!(split("b"), ("", "b"));
    }
}
