//! The client of a hub.

use std::collections::BTreeMap;

use garrison_outbound::{Credentials, Endpoint, Error, HubClient, HubOptions, Method};

use crate::canned::{Canned, answer};

fn client_of(canned: &Canned) -> HubClient {
    let credentials = Credentials::Basic { user: "ada".to_owned(), secret: "s3cret".to_owned() };
    client(&canned.address, Some(credentials)).unwrap()
}

fn client(address: &str, credentials: Option<Credentials>) -> Result<HubClient, Error> {
    HubClient::new(HubOptions { address: address.parse().unwrap(), credentials, ca_file: None, plain_http: false })
}

async fn refusal(reply: String) -> Error {
    let canned = Canned::new(vec![reply]).await;
    client_of(&canned).get::<serde_json::Value>(&Endpoint::api(["me"])).await.unwrap_err()
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Canned::new(vec![answer("200 OK", "", "{}")]).await;
    let location = format!("location: http://{}/stolen\r\n", elsewhere.address);
    let error = refusal(answer("307 Temporary Redirect", &location, "")).await;
    assert!(matches!(error, Error::Redirect { .. }), "{error:?}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_problem_document_is_the_error() {
    let body = r#"{"title":"no such project","status":404,"code":"PROJECT_UNKNOWN","detail":"`team` is not known"}"#;
    let error = refusal(answer("404 Not Found", "content-type: application/problem+json\r\n", body)).await;
    let Error::Refused(problem) = &error else { panic!("{error:?}") };
    assert_eq!((problem.status, problem.code.as_deref()), (404, Some("PROJECT_UNKNOWN")));
    assert_eq!(error.to_string(), "`team` is not known");
}

#[tokio::test]
async fn what_is_no_hub_is_named_so() {
    let error = refusal(answer("404 Not Found", "", "<html>")).await;
    assert!(matches!(error, Error::NotAHub { status: 404, .. }), "{error:?}");
    let error = refusal(answer("200 OK", "", "<html>")).await;
    assert!(matches!(error, Error::NotAHub { status: 200, .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_is_bounded() {
    let limit = 16 << 20;
    for (length, accepted) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
        let body = format!("\"{}\"", "x".repeat(length - 2));
        let canned = Canned::new(vec![answer("200 OK", "", &body)]).await;
        let result = client_of(&canned).get::<serde_json::Value>(&Endpoint::api(["me"])).await;
        assert_eq!(result.is_ok(), accepted, "{length}");
        assert!(accepted || matches!(result, Err(Error::AnswerTooLong { .. })), "{length}");
    }
}

#[tokio::test]
async fn credentials_do_not_cross_a_network_in_the_clear() {
    let credentials = || Some(Credentials::Bearer("token".to_owned()));
    assert!(matches!(client("http://192.0.2.1", credentials()), Err(Error::PlainHttp { .. })));
    assert!(client("http://192.0.2.1", None).is_ok());
    assert!(client("http://127.0.0.1", credentials()).is_ok());
    assert!(client("https://192.0.2.1", credentials()).is_ok());
    let options = HubOptions {
        address: "http://192.0.2.1".parse().unwrap(),
        credentials: credentials(),
        ca_file: None,
        plain_http: true,
    };
    assert!(HubClient::new(options).is_ok());
}

#[tokio::test]
async fn secrets_are_not_printed() {
    let canned = Canned::new(Vec::new()).await;
    let printed = format!("{:?}", client_of(&canned));
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[tokio::test]
async fn a_list_is_read_to_its_end_or_to_the_limit() {
    let pages = || {
        vec![
            answer("200 OK", "", r#"{"items":[1,2],"next":"b&c"}"#),
            answer("200 OK", "", r#"{"items":[3],"next":null}"#),
        ]
    };
    let canned = Canned::new(pages()).await;
    let page = client_of(&canned).list::<u32>(&Endpoint::api(["projects"]), None).await.unwrap();
    assert_eq!((page.items, page.next), (vec![1, 2, 3], None));
    let lines: Vec<_> = canned.asked().iter().map(|text| text.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        lines,
        ["GET /api/v1/projects?limit=200 HTTP/1.1", "GET /api/v1/projects?limit=200&after=b%26c HTTP/1.1"]
    );

    let canned = Canned::new(pages()).await;
    let page = client_of(&canned).list::<u32>(&Endpoint::api(["projects"]), Some(2)).await.unwrap();
    assert_eq!((page.items, page.next.as_deref()), (vec![1, 2], Some("b&c")));

    // What the first page tells beside its rows is that of the whole list.
    for (rows_max, expected) in [(2, vec![1, 2]), (10, vec![1, 2, 3])] {
        let mut pages = pages();
        pages[0] = answer("200 OK", "", r#"{"items":[1,2],"next":"b&c","beside":7}"#);
        let canned = Canned::new(pages).await;
        let (client, endpoint) = (client_of(&canned), Endpoint::api(["projects"]));
        let told = client.list_with::<u32, BTreeMap<String, u32>>(&endpoint, rows_max).await.unwrap();
        assert_eq!((told.page.items, told.beside.get("beside")), (expected, Some(&7)), "{rows_max}");
    }
}

#[tokio::test]
async fn an_empty_answer_is_null_and_a_body_is_json() {
    let canned = Canned::new(vec![answer("204 No Content", "", "")]).await;
    let body = serde_json::json!({ "role": "writer" });
    let endpoint = Endpoint::api(["projects", "team", "members", "bo"]);
    let () = client_of(&canned).send(Method::Put, &endpoint, Some(&body)).await.unwrap();
    let asked = canned.asked().remove(0).to_lowercase();
    assert!(asked.starts_with("put /api/v1/projects/team/members/bo "), "{asked}");
    assert!(asked.contains("authorization: basic ywrhonmzy3jlda=="), "{asked}");
}

#[tokio::test]
async fn a_ca_file_must_hold_a_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.pem");
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let make = |path| {
        let address = "https://hub".parse().unwrap();
        HubClient::new(HubOptions { address, credentials: None, ca_file: Some(path), plain_http: false })
    };
    assert!(matches!(make(missing), Err(Error::CaFile { .. })));
    assert!(matches!(make(empty), Err(Error::CaCertificate { .. })));
}
