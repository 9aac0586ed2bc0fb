use std::fmt;

use url::Url;

use crate::{Error, HubAddress};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Adds, or starts work.
    Post,
    /// Sets as a whole.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

/// A path of the hub, from whole segments, and its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    segments: Vec<String>,
    query: Vec<(String, String)>,
}

impl Endpoint {
    /// Returns the endpoint `/api/v1/<segments>`.
    pub fn api<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::from_segments(["api", "v1"].into_iter().chain(segments))
    }

    /// Returns the endpoint `/v2/<name>/manifests/<reference>` of the registry protocol.
    pub fn manifest(repository: &str, reference: &str) -> Self {
        Self::from_segments(["v2"].into_iter().chain(repository.split('/')).chain(["manifests", reference]))
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.query.push((key.to_owned(), value.to_string()));
        self
    }

    /// Adds a query parameter when there is a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn from_segments<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        Self { segments: segments.into_iter().map(str::to_owned).collect(), query: Vec::new() }
    }

    pub(crate) fn resolve(&self, hub: &HubAddress) -> Result<Url, Error> {
        // The URL parser would drop these silently: `projects/..` would name the collection.
        if let Some(segment) = self.segments.iter().find(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return Err(Error::Segment { segment: segment.clone() });
        }
        let mut url = hub.url().clone();
        url.path_segments_mut()
            .map_err(|()| Error::Segment { segment: String::new() })?
            .clear()
            .extend(self.segments.iter());
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &Endpoint, expected: Result<&str, &str>) {
        let hub: HubAddress = "https://hub".parse().unwrap();
        let actual = endpoint.resolve(&hub).map(|url| url.to_string()).map_err(|error| error.to_string());
        assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{endpoint:?}");
    }

    #[test]
    fn a_segment_stays_one_segment() {
        check(&Endpoint::api(["projects", "a/b?c#d%2f"]), Ok("https://hub/api/v1/projects/a%2Fb%3Fc%23d%252f"));
        check(&Endpoint::manifest("team/api", "1.0"), Ok("https://hub/v2/team/api/manifests/1.0"));
        check(
            &Endpoint::api(["repository"]).with("name", "a/b&c").with_some("after", None::<&str>),
            Ok("https://hub/api/v1/repository?name=a%2Fb%26c"),
        );
    }

    #[test]
    fn a_segment_cannot_leave_its_place() {
        for segment in ["", ".", ".."] {
            let expected = format!("`{segment}` cannot be part of a path");
            check(&Endpoint::api(["projects", segment]), Err(&expected));
            check(&Endpoint::manifest("team/api", segment), Err(&expected));
        }
    }
}
