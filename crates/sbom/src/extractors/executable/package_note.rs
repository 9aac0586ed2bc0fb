//! The note `.note.package`, in which distributions say which package an executable was built for.

use serde::{Deserialize, Serialize};

use crate::Refusal;

/// The largest note's text; real ones have two hundred bytes.
pub(super) const TEXT_BYTES_MAX: usize = 16 << 10;

/// Which package an executable was built for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackageNote {
    /// The kind of package: `rpm`, `deb`, `apk`.
    #[serde(default, rename(deserialize = "type"))]
    pub(crate) kind: Option<String>,
    /// The package's name.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The package's version.
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// The package's architecture.
    #[serde(default)]
    pub(crate) architecture: Option<String>,
    /// The distribution's `ID`.
    #[serde(default)]
    pub(crate) os: Option<String>,
    /// The distribution's `VERSION_ID`.
    #[serde(default, rename(deserialize = "osVersion"))]
    pub(crate) os_version: Option<String>,
    /// The distribution's CPE name.
    #[serde(default, rename(deserialize = "osCpe"))]
    pub(crate) os_cpe: Option<String>,
    /// The software's own CPE name.
    #[serde(default, rename(deserialize = "appCpe"))]
    pub(crate) app_cpe: Option<String>,
    /// Who keeps the package.
    #[serde(default)]
    pub(crate) maintainer: Option<String>,
    /// The licence.
    #[serde(default)]
    pub(crate) license: Option<String>,
}

pub(super) fn parse(description: &[u8]) -> Result<PackageNote, Refusal> {
    if description.len() > TEXT_BYTES_MAX {
        return Err(Refusal::new(format!("the note is {} bytes, the limit is {TEXT_BYTES_MAX}", description.len())));
    }
    let end = description.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    serde_json::from_slice(&description[..end])
        .map_err(|error| Refusal::new(format!("it is not the expected JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_up_to_their_padding() {
        let note = parse(b"{\"type\":\"rpm\",\"name\":\"coreutils\",\"version\":\"9.1-2.fc38\",\"osVersion\":\"38\",\"extra\":1}\0\0\0").expect("valid");
        assert_eq!(
            (note.kind.as_deref(), note.name.as_deref(), note.os_version.as_deref()),
            (Some("rpm"), Some("coreutils"), Some("38"))
        );
    }

    #[test]
    fn sizes_around_the_limit() {
        let padded = |len: usize| {
            let mut bytes = b"{}".to_vec();
            bytes.resize(len, 0);
            parse(&bytes).is_ok()
        };
        assert_eq!([TEXT_BYTES_MAX - 1, TEXT_BYTES_MAX, TEXT_BYTES_MAX + 1].map(padded), [true, true, false]);
    }
}
