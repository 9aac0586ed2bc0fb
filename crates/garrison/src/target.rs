//! What a word on the command line names: a reference with a host is of that host; a path that exists is a path;
//! anything else is of the current hub.

/// What a word names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// A reference of the hub with this `host[:port]`.
    Host { host: &'a str, reference: &'a str },
    /// A file or directory.
    Path(&'a str),
    /// A reference of the current hub.
    Current { reference: &'a str },
}

/// Returns what a word names. `exists` says whether there is such a path.
pub(crate) fn resolve(text: &str, exists: impl Fn(&str) -> bool) -> Target<'_> {
    // Nothing that is spelled as a path can be a reference.
    if text.starts_with(['/', '.', '~']) {
        return Target::Path(text);
    }
    // As container tools have it: the first segment is a host if it could not be part of a name.
    if let Some((host, reference)) = text.split_once('/')
        && (host.contains(['.', ':']) || host == "localhost")
    {
        return Target::Host { host, reference };
    }
    if exists(text) { Target::Path(text) } else { Target::Current { reference: text } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_then_a_path_then_the_current_hub() {
        let host = |host, reference| Target::Host { host, reference };
        let current = |reference| Target::Current { reference };
        let table = [
            ("hub.example.org/team/api:1", host("hub.example.org", "team/api:1")),
            ("127.0.0.1:5000/team/api", host("127.0.0.1:5000", "team/api")),
            ("[::1]:5000/team/api", host("[::1]:5000", "team/api")),
            ("localhost/api", host("localhost", "api")),
            ("hub:5000/api@sha256:00", host("hub:5000", "api@sha256:00")),
            // Exists as a path as well, but the host says what is meant.
            ("exists.d/api", host("exists.d", "api")),
            ("exists", Target::Path("exists")),
            ("exists/too", Target::Path("exists/too")),
            ("./exists", Target::Path("./exists")),
            ("../absent", Target::Path("../absent")),
            ("/absent", Target::Path("/absent")),
            ("~/absent", Target::Path("~/absent")),
            ("team/api:1", current("team/api:1")),
            ("api", current("api")),
            // Without a slash it is a name and a tag, not a host and a port.
            ("api:5000", current("api:5000")),
            ("api.v2", current("api.v2")),
            ("", current("")),
        ];
        let exists = |path: &str| path.starts_with("exists");
        for (text, expected) in table {
            assert_eq!(resolve(text, exists), expected, "{text}");
        }
    }
}
