//! The client of a registry.

use std::time::Duration;

use garrison_outbound::{REFERRER_PAGES_MAX, RegistryClient, RegistryCredentials, RegistryError, RegistryOptions};
use oci::{Digest, Reference, RepositoryName};

use crate::canned::{Canned, answer};

fn options(address: &str) -> RegistryOptions {
    RegistryOptions {
        address: address.parse().unwrap(),
        credentials: Some(RegistryCredentials::Basic { user: "ada".to_owned(), secret: "s3cret".to_owned() }),
        ca_file: None,
        plain_http: false,
        pause: Duration::ZERO,
    }
}

fn client(canned: &Canned) -> RegistryClient {
    RegistryClient::new(options(&canned.address)).unwrap()
}

fn repository() -> RepositoryName {
    "team/api".parse().unwrap()
}

fn latest() -> Reference {
    "latest".parse().unwrap()
}

fn digest() -> Digest {
    format!("sha256:{}", "0".repeat(64)).parse().unwrap()
}

/// Fetches a blob to its end.
async fn blob(client: &RegistryClient, size_bytes: u64) -> Result<Vec<u8>, RegistryError> {
    let mut blob = client.fetch_blob(&repository(), &digest(), size_bytes).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = blob.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

const BASIC: &str = "Basic YWRhOnMzY3JldA==";

#[tokio::test]
async fn a_manifest_comes_with_its_type() {
    let canned = Canned::new(vec![answer("200 OK", "content-type: application/x; charset=utf-8\r\n", "{}")]).await;
    let manifest = client(&canned).fetch_manifest(&repository(), &latest()).await.unwrap();
    assert_eq!((manifest.media_type.as_deref(), &*manifest.bytes), (Some("application/x"), &b"{}"[..]));
    let asked = &canned.asked()[0];
    assert!(asked.starts_with("GET /v2/team/api/manifests/latest HTTP/1.1"), "{asked}");
    assert!(header(asked, "accept").unwrap().contains("application/vnd.oci.image.index.v1+json"));
    assert_eq!(header(asked, "authorization"), None, "nobody asked who is there");
}

#[tokio::test]
async fn basic_credentials_are_sent_when_asked_for() {
    let challenge = answer("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", "");
    let canned = Canned::new(vec![challenge, answer("200 OK", "", "{}"), answer("200 OK", "", "{}")]).await;
    let client = client(&canned);
    client.fetch_manifest(&repository(), &latest()).await.unwrap();
    client.fetch_manifest(&repository(), &latest()).await.unwrap();
    let sent: Vec<_> = canned.asked().iter().map(|asked| header(asked, "authorization").map(str::to_owned)).collect();
    assert_eq!(sent, [None, Some(BASIC.to_owned()), Some(BASIC.to_owned())]);
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_says() {
    for field in ["token", "access_token"] {
        let realm = Canned::new(vec![answer("200 OK", "", &format!("{{\"{field}\":\"t0ken\"}}"))]).await;
        let challenge = format!("www-authenticate: Bearer realm=\"http://{}/token\",service=\"s\"\r\n", realm.address);
        let canned = Canned::new(vec![answer("401 Unauthorized", &challenge, ""), answer("200 OK", "", "{}")]).await;
        client(&canned).fetch_manifest(&repository(), &latest()).await.unwrap();
        let asked = &realm.asked()[0];
        let line = "GET /token?service=s&scope=repository%3Ateam%2Fapi%3Apull&account=ada HTTP/1.1";
        assert!(asked.starts_with(line), "{asked}");
        assert_eq!(header(asked, "authorization"), Some(BASIC));
        assert_eq!(header(&canned.asked()[1], "authorization"), Some("Bearer t0ken"));
    }
}

/// Lists referrers at a registry that gives these answers, and returns how many pages came and what was asked for.
async fn listed(answers: Vec<String>) -> (Result<usize, RegistryError>, Vec<String>) {
    let canned = Canned::new(answers).await;
    let pages = client(&canned).fetch_referrers(&repository(), &digest()).await.map(|pages| pages.len());
    let asked = canned.asked().iter().map(|asked| asked.split(' ').nth(1).unwrap().to_owned()).collect();
    (pages, asked)
}

#[tokio::test]
async fn referrers_are_listed_to_the_last_page() {
    let first = format!("/v2/team/api/referrers/{}", digest());
    let page =
        |link: &str| answer("200 OK", &if link.is_empty() { String::new() } else { format!("link: {link}\r\n") }, "{}");
    let next = |query: &str| format!("<{first}?{query}>; rel=\"next\"");
    let (pages, asked) = listed(vec![page(&next("n=1&last=a")), page("<?last=b>;rel=next"), page("")]).await;
    assert_eq!(pages.unwrap(), 3);
    assert_eq!(asked, [first.clone(), format!("{first}?n=1&last=a"), format!("{first}?last=b")]);

    // Nobody is sent elsewhere, and what is no link ends the list.
    for link in
        ["<http://127.0.0.1:1/v2/>; rel=\"next\"", "<x>; rel=\"prev\"", "<x", "next", "<http://[>; rel=\"next\""]
    {
        let (pages, asked) = listed(vec![page(link)]).await;
        assert_eq!((pages.unwrap(), asked.len()), (1, 1), "{link}");
    }
    let (pages, _) = listed(vec![page(&next("last=a")), answer("500 Internal Server Error", "", ""), page("")]).await;
    assert_eq!(pages.unwrap(), 2, "a page that fails in passing is asked for again");
    let (pages, asked) = listed(vec![page(&next("last=a")); REFERRER_PAGES_MAX + 1]).await;
    assert_eq!((pages.unwrap(), asked.len()), (REFERRER_PAGES_MAX, REFERRER_PAGES_MAX));
    let (pages, asked) = listed(vec![page(&next("last=a")), answer("404 Not Found", "", "")]).await;
    assert!(matches!(pages, Err(RegistryError::Refused { status: 404, .. })), "half a list is none");
    assert_eq!(asked.len(), 2);

    let older = [answer("404 Not Found", "", ""), page("")];
    let (pages, asked) = listed(older.to_vec()).await;
    assert_eq!(pages.unwrap(), 1);
    assert_eq!(asked[1], format!("/v2/team/api/manifests/{}", digest().to_string().replace(':', "-")));
    assert_eq!(listed(vec![answer("404 Not Found", "", ""); 2]).await.0.unwrap(), 0);
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let realm = Canned::new(vec![answer("200 OK", "", "{\"access_token\":\"t0ken\"}")]).await;
    let challenge = format!("www-authenticate: Bearer realm=\"http://{}/token\",service=\"s\"\r\n", realm.address);
    let canned = Canned::new(vec![answer("401 Unauthorized", &challenge, ""), answer("200 OK", "", "{}")]).await;
    let credentials = Some(RegistryCredentials::Identity("refresh".to_owned()));
    let client = RegistryClient::new(RegistryOptions { credentials, ..options(&canned.address) }).unwrap();
    client.fetch_manifest(&repository(), &latest()).await.unwrap();
    let asked = &realm.asked()[0];
    assert!(asked.starts_with("POST /token HTTP/1.1"), "{asked}");
    assert!(asked.contains("grant_type=refresh_token&refresh_token=refresh&client_id=garrison"), "{asked}");
    assert_eq!(header(asked, "authorization"), None);
}

#[tokio::test]
async fn credentials_that_are_refused_are_sent_once() {
    let challenge = || answer("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", "");
    let canned = Canned::new(vec![challenge(), challenge()]).await;
    let error = client(&canned).fetch_manifest(&repository(), &latest()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 401, is_anonymous: false, .. }), "{error:?}");
    assert_eq!(canned.asked().len(), 2);
}

#[tokio::test]
async fn what_the_registry_says_is_the_error() {
    let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such tag"}]}"#;
    let canned = Canned::new(vec![answer("404 Not Found", "", body)]).await;
    let error = client(&canned).fetch_manifest(&repository(), &latest()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} refused with status 404: no such tag", canned.address));
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    for status in ["429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"] {
        let busy = || answer(status, "retry-after: 0\r\n", "");
        let canned = Canned::new(vec![busy(), busy(), busy(), answer("200 OK", "", "{}")]).await;
        client(&canned).fetch_manifest(&repository(), &latest()).await.unwrap();
        let canned = Canned::new(vec![busy(), busy(), busy(), busy()]).await;
        let error = client(&canned).fetch_manifest(&repository(), &latest()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    }
    let canned = Canned::new(vec![answer("403 Forbidden", "", "")]).await;
    client(&canned).fetch_manifest(&repository(), &latest()).await.unwrap_err();
    assert_eq!(canned.asked().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_followed_without_credentials() {
    let store = Canned::new(vec![answer("200 OK", "", "blob")]).await;
    let redirect = answer("307 Temporary Redirect", &format!("location: http://{}/x?secret\r\n", store.address), "");
    let challenge = answer("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", "");
    let canned = Canned::new(vec![challenge, redirect]).await;
    assert_eq!(blob(&client(&canned), 4).await.unwrap(), b"blob");
    assert_eq!(header(&canned.asked()[1], "authorization"), Some(BASIC));
    let asked = &store.asked()[0];
    assert!(asked.starts_with("GET /x?secret HTTP/1.1"), "{asked}");
    assert_eq!(header(asked, "authorization"), None);
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    for (redirects, accepted) in [(4, true), (5, true), (6, false)] {
        let redirect = || answer("302 Found", "location: /again\r\n", "");
        let mut answers: Vec<_> = std::iter::repeat_with(redirect).take(redirects).collect();
        answers.push(answer("200 OK", "", "blob"));
        let canned = Canned::new(answers).await;
        assert_eq!(blob(&client(&canned), 4).await.is_ok(), accepted, "{redirects}");
    }
    for location in ["", "location: ftp://127.0.0.1/\r\n", "location: file:///etc/passwd\r\n"] {
        let canned = Canned::new(vec![answer("302 Found", location, "")]).await;
        let is_refused = blob(&client(&canned), 4).await.is_err();
        assert!(is_refused, "{location}");
    }
}

#[tokio::test]
async fn a_broken_transfer_is_taken_up_where_it_broke() {
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nabcd".to_owned();
    let rest = answer("206 Partial Content", "content-range: bytes 4-7/8\r\n", "efgh");
    let canned = Canned::new(vec![broken.clone(), rest]).await;
    assert_eq!(blob(&client(&canned), 8).await.unwrap(), b"abcdefgh");
    assert_eq!(header(&canned.asked()[1], "range"), Some("bytes=4-"));

    // A server that knows no ranges begins anew.
    let canned = Canned::new(vec![broken, answer("200 OK", "", "abcdefgh")]).await;
    assert_eq!(blob(&client(&canned), 8).await.unwrap(), b"abcdefgh");
}

#[tokio::test]
async fn a_blob_has_the_size_that_its_descriptor_says() {
    let four = || answer("200 OK", "", "blob");
    for (size_bytes, accepted) in [(3, false), (4, true), (5, false)] {
        // One that is too short is asked for again, without an end to the canned answers.
        let canned = Canned::new(vec![four(); 8]).await;
        let result = blob(&client(&canned), size_bytes).await;
        assert_eq!(result.is_ok(), accepted, "{size_bytes}");
        assert!(accepted || matches!(result, Err(RegistryError::Size { .. })), "{size_bytes}: {result:?}");
    }
}

#[tokio::test]
async fn another_machine_is_not_asked_in_the_clear() {
    let new = |address: &str, plain_http| RegistryClient::new(RegistryOptions { plain_http, ..options(address) });
    assert!(matches!(new("http://192.0.2.1", false), Err(RegistryError::PlainHttp { .. })));
    assert!(new("http://192.0.2.1", true).is_ok());
    assert!(new("http://127.0.0.1", false).is_ok());
    assert!(new("192.0.2.1", false).is_ok());
}

#[tokio::test]
async fn secrets_are_not_printed() {
    let canned = Canned::new(Vec::new()).await;
    let printed = format!("{:?}", client(&canned));
    assert!(!printed.contains("s3cret"), "{printed}");
}
