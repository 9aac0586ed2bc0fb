//! Reading, in the order of the specification's "How to parse a PURL": from the right to the left.

use std::fmt;

use super::definition::PurlType;
use super::encoding::{decode, write_purl};
use super::{PURL_LENGTH_MAX, PURL_QUALIFIERS_MAX, Purl, PurlError};

/// The parts of a purl but its type, not escaped, before the type's definition normalises them.
pub(super) struct Parts {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) qualifiers: Vec<(String, String)>,
    pub(super) subpath: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<Purl, PurlError> {
    if text.len() > PURL_LENGTH_MAX {
        return Err(PurlError::TooLong { actual: text.len() });
    }
    let (rest, subpath) = split_last(text, '#');
    let (rest, qualifiers) = split_last(rest, '?');
    let (scheme, rest) = rest.split_once(':').ok_or(PurlError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("pkg") {
        return Err(PurlError::Scheme);
    }
    let (ty, path) = rest.trim_start_matches('/').split_once('/').unwrap_or((rest.trim_start_matches('/'), ""));
    let ty = PurlType::parse(ty)?;
    let (path, version) = split_version(path);
    // A version after a slash follows no name; the slashes around the path mean nothing otherwise.
    if version.is_some() && path.ends_with('/') {
        return Err(PurlError::NoName);
    }
    let path = path.trim_matches('/');
    let (namespace, name) = if ty.name_is_path() {
        path.split_once('/').map_or(("", path), |(namespace, name)| (namespace, name))
    } else {
        path.rsplit_once('/').unwrap_or(("", path))
    };
    let parts = Parts {
        namespace: decode_namespace(namespace)?,
        name: if ty.name_is_path() { decode_namespace(name)?.unwrap_or_default() } else { decode(name)? },
        version: version.map(decode).transpose()?,
        qualifiers: qualifiers.map_or(Ok(Vec::new()), decode_qualifiers)?,
        subpath: subpath.map_or(Ok(None), decode_subpath)?,
    };
    parts.into_purl(ty)
}

impl Parts {
    /// Checks and normalises the parts.
    pub(super) fn into_purl(mut self, ty: PurlType) -> Result<Purl, PurlError> {
        if ty.name_is_path() {
            self.split_path_name();
        } else {
            self.name = String::from(self.name.trim_matches('/'));
        }
        for (key, _) in &mut self.qualifiers {
            key.make_ascii_lowercase();
            if !is_key(key) {
                return Err(PurlError::Qualifier);
            }
        }
        self.qualifiers.retain(|(_, value)| !value.is_empty());
        self.qualifiers.sort_unstable();
        if self.qualifiers.len() > PURL_QUALIFIERS_MAX {
            return Err(PurlError::TooManyQualifiers);
        }
        if self.qualifiers.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(PurlError::DuplicateQualifier);
        }
        if let Some(definition) = ty.definition() {
            definition.normalise(&mut self);
        }
        if self.name.is_empty() {
            return Err(PurlError::NoName);
        }
        let purl = Purl {
            ty,
            namespace: self.namespace.filter(|namespace| !namespace.is_empty()).map(String::into_boxed_str),
            name: self.name.into_boxed_str(),
            version: self.version.filter(|version| !version.is_empty()).map(String::into_boxed_str),
            qualifiers: self.qualifiers.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            subpath: self.subpath.map(String::into_boxed_str),
        };
        // Escapes make the written form up to three times longer; what is written must be readable again.
        let mut length = Length(0);
        let _infallible = write_purl(&purl, &mut length);
        if length.0 > PURL_LENGTH_MAX { Err(PurlError::TooLong { actual: length.0 }) } else { Ok(purl) }
    }

    /// Gives the namespace the first segment and the name all others, which is how they are read again.
    fn split_path_name(&mut self) {
        let path = [self.namespace.as_deref().unwrap_or_default(), &self.name].join("/");
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let first = segments.next().unwrap_or_default();
        let others = segments.collect::<Vec<_>>().join("/");
        (self.namespace, self.name) =
            if others.is_empty() { (None, first.to_owned()) } else { (Some(first.to_owned()), others) };
    }
}

struct Length(usize);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

fn split_last(text: &str, separator: char) -> (&str, Option<&str>) {
    text.rsplit_once(separator).map_or((text, None), |(left, right)| (left, Some(right)))
}

/// Splits the version off at the last `@`, unless that begins a scope of npm that was not escaped: `@babel/core`.
fn split_version(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once('@') {
        Some((left, right)) if (left.is_empty() || left.ends_with('/')) && right.contains('/') => (path, None),
        Some((left, right)) => (left, Some(right)),
        None => (path, None),
    }
}

fn decode_namespace(text: &str) -> Result<Option<String>, PurlError> {
    let mut namespace = String::with_capacity(text.len());
    for segment in text.split('/').filter(|segment| !segment.is_empty()) {
        let segment = decode(segment)?;
        if segment.contains('/') {
            return Err(PurlError::Segment);
        }
        push_segment(&mut namespace, &segment);
    }
    Ok((!namespace.is_empty()).then_some(namespace))
}

fn decode_subpath(text: &str) -> Result<Option<String>, PurlError> {
    let mut subpath = String::with_capacity(text.len());
    for segment in text.split('/') {
        let segment = decode(segment)?;
        if segment.contains('/') {
            return Err(PurlError::Segment);
        }
        // Dropped, not refused: the specification's way to read them.
        if !matches!(&*segment, "" | "." | "..") {
            push_segment(&mut subpath, &segment);
        }
    }
    Ok((!subpath.is_empty()).then_some(subpath))
}

fn push_segment(path: &mut String, segment: &str) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(segment);
}

fn decode_qualifiers(text: &str) -> Result<Vec<(String, String)>, PurlError> {
    let mut qualifiers = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if qualifiers.len() == PURL_QUALIFIERS_MAX {
            return Err(PurlError::TooManyQualifiers);
        }
        let (key, value) = pair.split_once('=').ok_or(PurlError::Qualifier)?;
        qualifiers.push((key.to_owned(), decode(value)?));
    }
    Ok(qualifiers)
}

fn is_key(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
}
