//! What a registry asks for in `WWW-Authenticate` (RFC 9110, 11.6.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One way to say who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token from elsewhere.
    Bearer {
        /// Where the token is made; as the registry wrote it, so perhaps no address.
        realm: String,
        /// What the token is for, in the words of who makes it.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads a header, which may hold several challenges. Schemes that are not known are passed over.
    pub fn parse_all(header: &str) -> Vec<Self> {
        let mut challenges: Vec<(String, Vec<(String, String)>)> = Vec::new();
        let mut rest = header.trim_start_matches([' ', ',']);
        while !rest.is_empty() {
            let end = rest.find([' ', ',', '=']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if let Some(value) = after.strip_prefix('=') {
                let (value, after) = parameter_value(value);
                if let Some((_, parameters)) = challenges.last_mut() {
                    parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            } else {
                challenges.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
            rest = rest.trim_start_matches([' ', ',']);
        }
        challenges.into_iter().filter_map(|(scheme, parameters)| Self::new(&scheme, &parameters)).collect()
    }

    fn new(scheme: &str, parameters: &[(String, String)]) -> Option<Self> {
        let parameter = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        match scheme {
            "basic" => Some(Self::Basic),
            "bearer" => Some(Self::Bearer { realm: parameter("realm")?, service: parameter("service") }),
            _ => None,
        }
    }
}

/// Returns a token or quoted string, and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find([' ', ',']).unwrap_or(text.len()));
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            character => value.push(character),
        }
    }
    (value, "")
}

/// Returns the `Authorization` of a user (RFC 7617).
pub(super) fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>| Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        };
        let table = [
            ("", vec![]),
            ("Negotiate", vec![]),
            ("Bearer", vec![]),
            ("Basic realm=\"Registry\"", vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            (
                "Bearer realm=\"https://auth.example/token\",service=\"r.example\",scope=\"repository:a/b:pull,push\"",
                vec![bearer("https://auth.example/token", Some("r.example"))],
            ),
            ("BEARER Realm=https://a, Service=s", vec![bearer("https://a", Some("s"))]),
            ("Bearer realm=\"a\\\"b\"", vec![bearer("a\"b", None)]),
            ("Bearer realm=\"open", vec![bearer("open", None)]),
            ("Basic realm=\"x, y\", Bearer realm=\"z\"", vec![Challenge::Basic, bearer("z", None)]),
            (",,, =,=\"", vec![]),
        ];
        for (header, expected) in table {
            assert_eq!(Challenge::parse_all(header), expected, "{header}");
        }
    }
}
