//! Platforms as people write them, and which of several is meant (OCI image specification, "Image Index").

use oci::Platform;

/// Why a text is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no platform")]
pub struct PlatformError(String);

/// Parses `os/architecture[/variant]`.
pub fn parse_platform(text: &str) -> Result<Platform, PlatformError> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_word = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    if !parts.iter().all(is_word) {
        return Err(PlatformError(text.to_owned()));
    }
    let (os, architecture, variant) = match parts.as_slice() {
        [os, architecture] => (os, architecture, ""),
        [os, architecture, variant] => (os, architecture, *variant),
        _ => return Err(PlatformError(text.to_owned())),
    };
    Ok(normal(&Platform {
        os: os.to_ascii_lowercase(),
        architecture: architecture.to_ascii_lowercase(),
        variant: variant.to_ascii_lowercase(),
        ..Platform::default()
    }))
}

/// Returns the platform whose images run on this machine.
pub fn host_platform() -> Platform {
    // Images for other systems are rare, and a machine with another one runs those for Linux.
    let os = if std::env::consts::OS == "windows" { "windows" } else { "linux" };
    normal(&Platform { os: os.to_owned(), architecture: std::env::consts::ARCH.to_owned(), ..Platform::default() })
}

/// Spells the architecture as Go does, and leaves out a variant that goes without saying.
pub(crate) fn normal(platform: &Platform) -> Platform {
    let (architecture, variant) = match (platform.architecture.as_str(), platform.variant.as_str()) {
        ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "" | "v8" | "8") => ("arm64", ""),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", "") | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", "") | ("arm", "6") => ("arm", "v6"),
        ("i386" | "i686" | "x86", variant) => ("386", variant),
        ("powerpc64le", variant) => ("ppc64le", variant),
        ("loongarch64", variant) => ("loong64", variant),
        (architecture, variant) => (architecture, variant),
    };
    Platform { architecture: architecture.to_owned(), variant: variant.to_owned(), ..platform.clone() }
}

/// Returns the places of those that run where `wanted` is asked for: first those of its very variant, then those of another, if `wanted` has none.
pub(crate) fn matching(available: &[Platform], wanted: &Platform) -> Vec<usize> {
    let available: Vec<Platform> = available.iter().map(normal).collect();
    let of_machine =
        |platform: &&Platform| (&platform.os, &platform.architecture) == (&wanted.os, &wanted.architecture);
    let places = |accepts: &dyn Fn(&Platform) -> bool| -> Vec<usize> {
        let found = available.iter().enumerate().filter(|(_, platform)| of_machine(platform) && accepts(platform));
        found.map(|(at, _)| at).collect()
    };
    let exact = places(&|platform| platform.variant == wanted.variant);
    if exact.is_empty() && wanted.variant.is_empty() { places(&|_| true) } else { exact }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_parsed_strictly_and_spelled_one_way() {
        let table = [
            ("", None),
            ("linux", None),
            ("linux/", None),
            ("/amd64", None),
            ("linux/amd64/v2/x", None),
            ("linux/amd 64", None),
            ("linux/amd64", Some("linux/amd64")),
            ("Linux/x86_64", Some("linux/amd64")),
            ("linux/amd64/v1", Some("linux/amd64")),
            ("linux/amd64/v3", Some("linux/amd64/v3")),
            ("linux/aarch64", Some("linux/arm64")),
            ("linux/arm64/v8", Some("linux/arm64")),
            ("linux/arm", Some("linux/arm/v7")),
            ("linux/arm/v6", Some("linux/arm/v6")),
            ("linux/armhf", Some("linux/arm/v7")),
            ("linux/i386", Some("linux/386")),
            ("windows/amd64", Some("windows/amd64")),
        ];
        for (text, expected) in table {
            let found = parse_platform(text).ok().map(|platform| platform.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_variant_decides_where_it_is_asked_for() {
        let of = |texts: &[&str]| texts.iter().map(|text| parse_platform(text).unwrap()).collect::<Vec<_>>();
        let all = ["linux/amd64/v2", "linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7", "windows/amd64"];
        let table: [(&str, &[usize]); 9] = [
            ("linux/amd64", &[1]),
            ("linux/amd64/v2", &[0]),
            ("linux/amd64/v3", &[]),
            ("linux/arm64", &[2]),
            ("linux/arm64/v8", &[2]),
            ("linux/arm", &[4]),
            ("linux/arm/v6", &[3]),
            ("linux/s390x", &[]),
            ("windows/amd64", &[5]),
        ];
        for (wanted, expected) in table {
            assert_eq!(matching(&of(&all), &parse_platform(wanted).unwrap()), expected, "{wanted}");
        }
        assert_eq!(matching(&of(&["linux/amd64/v2"]), &parse_platform("linux/amd64").unwrap()), [0]);
    }
}
