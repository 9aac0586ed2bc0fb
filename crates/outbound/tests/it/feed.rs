//! The client of publishers, against a server that answers what it was told.

use std::time::Duration;

use garrison_outbound::{
    FeedAddress, FeedClient, FeedError, FeedOptions, FeedRequest, FeedTransfer, Measured, Sum, Validators,
};

use crate::canned::{Canned, answer};

fn client(private_hosts: &[&str]) -> FeedClient {
    client_within(private_hosts, Duration::from_mins(1))
}

fn client_within(private_hosts: &[&str], time_max: Duration) -> FeedClient {
    FeedClient::new(FeedOptions {
        private_hosts: private_hosts.iter().map(|host| host.parse().unwrap()).collect(),
        ca_file: None,
        pause: Duration::ZERO,
        bytes_max: 10,
        time_max,
        silence_max: Duration::from_mins(1),
    })
    .unwrap()
}

fn address(canned: &Canned) -> FeedAddress {
    format!("http://{}/all.zip", canned.address).parse().unwrap()
}

fn plain(address: &FeedAddress) -> FeedRequest<'_> {
    FeedRequest { address, known: None, kept: None }
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

async fn whole(transfer: &mut FeedTransfer) -> Result<String, FeedError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = transfer.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(bytes).unwrap())
}

async fn open(client: &FeedClient, request: &FeedRequest<'_>) -> Result<FeedTransfer, FeedError> {
    Ok(client.open(request).await?.expect("it was not had yet"))
}

#[tokio::test]
async fn a_document_comes_with_what_tells_it_from_others() {
    let headers = "etag: \"1\"\r\nlast-modified: Sat, 28 Nov 2026 03:00:00 GMT\r\nx-goog-hash: crc32c=AAAAAQ==\r\n";
    let canned = Canned::new(vec![answer("200 OK", headers, "0123456789")]).await;
    let mut transfer = open(&client(&[&canned.address]), &plain(&address(&canned))).await.unwrap();
    assert_eq!((transfer.begins_at(), transfer.total_bytes()), (0, Some(10)));
    assert_eq!(transfer.validators().etag.as_deref(), Some("\"1\""));
    assert_eq!(transfer.sum(), Some(Sum::Crc32c(1)));
    assert_eq!(whole(&mut transfer).await.unwrap(), "0123456789");
    let asked = &canned.asked()[0];
    assert!(asked.starts_with("GET /all.zip HTTP/1.1"), "{asked}");
    assert_eq!(header(asked, "accept-encoding"), Some("identity"));
    assert_eq!(header(asked, "authorization"), None);
}

#[tokio::test]
async fn what_is_had_already_does_not_come_again() {
    let canned = Canned::new(vec![answer("304 Not Modified", "", ""), answer("304 Not Modified", "", "")]).await;
    let known =
        Validators { etag: Some("\"1\"".to_owned()), last_modified: Some("Sat, 28 Nov 2026 03:00:00 GMT".to_owned()) };
    let (client, address) = (client(&[&canned.address]), address(&canned));
    let request = FeedRequest { known: Some(&known), ..plain(&address) };
    assert_eq!(client.measure(&request).await.unwrap(), Measured::NotModified);
    assert!(client.open(&request).await.unwrap().is_none());
    for asked in canned.asked() {
        assert_eq!(header(&asked, "if-none-match"), Some("\"1\""));
        assert_eq!(header(&asked, "if-modified-since"), Some("Sat, 28 Nov 2026 03:00:00 GMT"));
    }
}

#[tokio::test]
async fn a_part_is_taken_up_where_it_ends() {
    let part = answer("206 Partial Content", "content-range: bytes 4-9/10\r\netag: \"1\"\r\n", "456789");
    let changed = answer("200 OK", "etag: \"2\"\r\n", "abc");
    let gone = answer("416 Range Not Satisfiable", "", "");
    let canned = Canned::new(vec![part, changed.clone(), gone, changed]).await;
    let (client, address) = (client(&[&canned.address]), address(&canned));
    let kept = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
    let request = FeedRequest { kept: Some((4, &kept)), known: Some(&kept), ..plain(&address) };
    for (begins_at, text) in [(4, "456789"), (0, "abc"), (0, "abc")] {
        let mut transfer = open(&client, &request).await.unwrap();
        assert_eq!((transfer.begins_at(), whole(&mut transfer).await.unwrap().as_str()), (begins_at, text));
    }
    let asked = &canned.asked()[0];
    assert_eq!((header(asked, "range"), header(asked, "if-range")), (Some("bytes=4-"), Some("\"1\"")));
    assert_eq!(header(asked, "if-none-match"), None, "a part is not asked for on two conditions");
}

#[tokio::test]
async fn a_part_of_something_else_is_refused() {
    let wrong =
        ["content-range: bytes 5-9/10\r\n", "content-range: bytes 4-8/10\r\n", "content-range: nonsense\r\n", ""];
    for headers in wrong {
        let canned = Canned::new(vec![answer("206 Partial Content", headers, "456789")]).await;
        let address = address(&canned);
        let kept = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
        let request = FeedRequest { kept: Some((4, &kept)), ..plain(&address) };
        let error = open(&client(&[&canned.address]), &request).await.unwrap_err();
        assert!(error.to_string().ends_with("another part than was asked for"), "{headers}: {error}");
    }
}

#[tokio::test]
async fn what_is_too_long_or_too_short_is_refused() {
    let unknown_length = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789a".to_owned();
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n0123".to_owned();
    let table = [
        (answer("200 OK", "", "0123456789"), Ok("0123456789")),
        (answer("200 OK", "", "0123456789a"), Err("is longer than 10 bytes")),
        (unknown_length, Err("is longer than 10 bytes")),
        (cut, Err("failed to reach")),
        (answer("404 Not Found", "", ""), Err("answered with status 404")),
    ];
    for (answer, expected) in table {
        let canned = Canned::new(vec![answer.clone()]).await;
        let client = client(&[&canned.address]);
        let actual = match open(&client, &plain(&address(&canned))).await {
            Ok(mut transfer) => whole(&mut transfer).await,
            Err(error) => Err(error),
        };
        match (actual, expected) {
            (Ok(actual), Ok(expected)) => assert_eq!(actual, expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{answer}: {error}"),
            (actual, expected) => panic!("{answer}: {actual:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn near_hosts_are_asked_only_if_they_were_named() {
    let canned = Canned::new(Vec::new()).await;
    let error = open(&client(&[]), &plain(&address(&canned))).await.unwrap_err();
    assert!(matches!(error, FeedError::Near { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--private-host 127.0.0.1:"));
    let named = "http://localhost:1/x".parse().unwrap();
    assert!(matches!(open(&client(&[]), &plain(&named)).await, Err(FeedError::Near { .. })));
    let public = "http://a.example/x".parse().unwrap();
    assert!(matches!(open(&client(&[]), &plain(&public)).await, Err(FeedError::PlainHttp { .. })));
    assert!(canned.asked().is_empty());
}

#[tokio::test]
async fn no_redirect_leads_to_a_near_host_that_was_not_named() {
    let inside = Canned::new(vec![answer("200 OK", "", "secret")]).await;
    let redirect = |to: &str| answer("302 Found", &format!("location: {to}\r\n"), "");
    let inner = format!("http://{}/x", inside.address);
    for target in
        [inner.as_str(), "https://169.254.169.254/latest", "https://[::1]/", "http://a.example/", "ftp://a.example/"]
    {
        let canned = Canned::new(vec![redirect(target)]).await;
        let error = open(&client(&[&canned.address]), &plain(&address(&canned))).await.unwrap_err();
        assert!(matches!(error, FeedError::Redirect { .. }), "{target}: {error}");
    }
    assert!(inside.asked().is_empty());
    // One to a host that was named is followed.
    let canned = Canned::new(vec![redirect(&inner)]).await;
    let mut transfer = open(&client(&[&canned.address, &inside.address]), &plain(&address(&canned))).await.unwrap();
    assert_eq!(whole(&mut transfer).await.unwrap(), "secret");
    // And none for ever.
    let here = Canned::new(vec![redirect("/again"); 6]).await;
    let error = open(&client(&[&here.address]), &plain(&address(&here))).await.unwrap_err();
    assert!(error.to_string().ends_with("too many redirects"), "{error}");
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let busy = answer("503 Service Unavailable", "", "");
    let canned =
        Canned::new(vec![busy.clone(), answer("429 Too Many Requests", "", ""), answer("200 OK", "", "ok")]).await;
    let mut transfer = open(&client(&[&canned.address]), &plain(&address(&canned))).await.unwrap();
    assert_eq!(whole(&mut transfer).await.unwrap(), "ok");
    let canned = Canned::new(vec![busy; 3]).await;
    let error = open(&client(&[&canned.address]), &plain(&address(&canned))).await.unwrap_err();
    assert!(error.is_passing() && error.to_string().ends_with("status 503"), "{error}");
}

#[tokio::test]
async fn how_much_it_takes_is_asked_before() {
    let known = "HTTP/1.1 200 OK\r\ncontent-length: 123\r\nconnection: close\r\n\r\n".to_owned();
    let unknown = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned();
    let canned =
        Canned::new(vec![known, unknown, answer("405 Method Not Allowed", "", ""), answer("404 Not Found", "", "")])
            .await;
    let (client, address) = (client(&[&canned.address]), address(&canned));
    assert_eq!(client.measure(&plain(&address)).await.unwrap(), Measured::Bytes(123));
    assert_eq!(client.measure(&plain(&address)).await.unwrap(), Measured::Unknown);
    assert_eq!(client.measure(&plain(&address)).await.unwrap(), Measured::Unknown);
    assert!(matches!(client.measure(&plain(&address)).await, Err(FeedError::Refused { status: 404, .. })));
    assert!(canned.asked()[0].starts_with("HEAD /all.zip"));
}

#[tokio::test]
async fn what_comes_too_slowly_is_given_up() {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n0123".to_owned();
    let canned = Canned::silent(endless).await;
    let client = client_within(&[&canned.address], Duration::from_millis(20));
    let mut transfer = open(&client, &plain(&address(&canned))).await.unwrap();
    let error = whole(&mut transfer).await.unwrap_err();
    assert!(matches!(error, FeedError::TooSlow { .. }), "{error}");
}
