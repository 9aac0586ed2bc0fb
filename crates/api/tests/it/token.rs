//! `/token`: who gets which token for what.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::hub::{ADMIN_PASSWORD, Answer, Hub, ask, basic, get, post};

/// Reads the `access` claim.
fn granted(answer: &Answer) -> String {
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let scope = |entry: &Value| {
        let actions: Vec<&str> =
            entry["actions"].as_array().unwrap().iter().map(|action| action.as_str().unwrap()).collect();
        format!("{}:{}", entry["name"].as_str().unwrap(), actions.join(","))
    };
    claims["access"].as_array().unwrap().iter().map(scope).collect::<Vec<_>>().join(" ")
}

testkit::on_both_databases! {
    async fn a_token_is_given_for_what_is_asked_and_held(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let reader = hub.robot("team", "reads", "team/**", "reader").await;
        let check = async |who: &str, query: &str, expected: &str| {
            let answer = hub.send(get(&format!("/token?service=garrison{query}")).by(who)).await.is(200);
            let body = answer.json();
            assert_eq!(body["token"], body["access_token"], "{query}");
            assert!(body["expires_in"].as_u64().unwrap() >= 60, "{query}");
            assert!(body["issued_at"].as_str().unwrap().ends_with('Z'), "{query}");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(granted(&answer), expected, "{query}");
        };
        // `docker login` asks for no scope at all.
        check(&hub.team, "", "").await;
        check(&hub.team, "&scope=", "").await;
        check(&hub.team, "&scope=repository:team/api:pull", "team/api:pull").await;
        check(&hub.team, "&scope=repository:team/api:pull,push,delete", "team/api:delete,pull,push").await;
        check(&hub.team, "&scope=repository:team/api:*", "team/api:delete,pull,push").await;
        check(&hub.team, "&scope=repository(plugin):team/api:pull", "team/api:pull").await;
        check(&hub.team, "&scope=registry:catalog:*", "catalog:*").await;
        // Several scopes: repeated, or with spaces between them.
        check(&hub.team, "&scope=repository:team/a:pull&scope=repository:team/b:push", "team/a:pull team/b:push").await;
        check(&hub.team, "&scope=repository:team/a:pull+repository:team/b:push", "team/a:pull team/b:push").await;
        // The intersection, never an error and never more.
        check(&hub.team, "&scope=repository:team/a:pull&scope=repository:other/b:pull", "team/a:pull").await;
        check(&reader, "&scope=repository:team/a:pull,push,delete", "team/a:pull").await;
        check(&reader, "&scope=repository:team/a:fly,pull", "team/a:pull").await;
        check(&reader, "&scope=repository:team/a:fly", "").await;
        check(&reader, "&scope=repository:nothing/a:pull", "").await;
        check(&reader, "&scope=nonsense&scope=:::&scope=repository:Team/A:pull", "").await;
        // Without credentials: what is public, and no word on what else there is.
        check("", "&scope=repository:open/a:pull,push", "open/a:pull").await;
        check("", "&scope=repository:team/a:pull", "").await;
        check("", "", "").await;
    }

    async fn the_form_of_oauth2_gives_tokens_too(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let form = format!(
            "grant_type=password&service=garrison&client_id=containerd&username=admin&password={}&scope=repository:team/a:pull,push+repository:team/b:pull",
            ADMIN_PASSWORD.replace(' ', "+"),
        );
        let answer = hub.send(post("/token").form(&form)).await.is(200);
        assert_eq!(granted(&answer), "team/a:pull,push team/b:pull");
        assert_eq!(answer.json().get("refresh_token"), None);
        let answer = hub.send(post("/token").form(&format!("{form}&access_type=offline"))).await.is(200);
        let refresh = answer.json()["refresh_token"].as_str().unwrap().to_owned();

        let form = format!("grant_type=refresh_token&service=garrison&client_id=docker&refresh_token={refresh}&scope=repository:team/a:pull");
        let answer = hub.send(post("/token").form(&form)).await.is(200);
        assert_eq!(granted(&answer), "team/a:pull");
        // A refresh token is for the token endpoint alone.
        hub.send(get("/v2/").by(&format!("Bearer {refresh}"))).await.fails(401, "UNAUTHORIZED");
        hub.send(get("/v2/").by(&basic("admin", &refresh))).await.fails(401, "UNAUTHORIZED");

        let by_basic = basic("admin", ADMIN_PASSWORD);
        let answer = hub.send(get("/token?offline_token=true").by(&by_basic)).await.is(200);
        assert!(answer.json()["refresh_token"].is_string());
        let answer = hub.send(get("/token?offline_token=true")).await.is(200);
        assert_eq!(answer.json().get("refresh_token"), None);
    }

    async fn wrong_credentials_are_refused_at_the_token_endpoint(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for form in [
            "grant_type=password&username=admin&password=wrong",
            "grant_type=password&username=nobody-there&password=wrong",
            "grant_type=password",
            "grant_type=refresh_token&refresh_token=made-up",
            "grant_type=refresh_token",
        ] {
            let answer = hub.send(post("/token").form(form)).await;
            assert!([401, 429].contains(&answer.status), "{form}: {}", answer.text());
            if answer.status == 401 {
                assert_eq!(answer.header("www-authenticate"), "Basic realm=\"garrison\"", "{form}");
            }
        }
        for form in ["", "grant_type=client_credentials", "scope=repository:open/a:pull"] {
            hub.send(post("/token").form(form)).await.fails(400, "INPUT_INVALID");
        }
        let long = format!("grant_type=password&password={}", "x".repeat(32 << 10));
        hub.send(post("/token").form(&long)).await.fails(413, "BODY_INVALID");
        for authorization in ["Basic", "Basic ", "Basic !!!", "Basic bm9jb2xvbg==", "Digest x", "Bearer", "x"] {
            hub.send(get("/token").header("authorization", authorization)).await.fails(401, "UNAUTHORIZED");
        }
    }

    async fn many_wrong_passwords_have_to_wait(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let mut answers = Vec::new();
        for _ in 0..20 {
            answers.push(hub.send(get("/token").by(&basic("admin", "wrong password"))).await);
            if answers.last().unwrap().status == 429 {
                break;
            }
        }
        let last = answers.pop().unwrap().fails(429, "TOOMANYREQUESTS");
        assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
        // A robot's secret cannot be guessed, so one with an old secret shuts nobody out.
        hub.send(get("/token").by(&hub.team)).await.is(200);
    }

    /// A token that begets tokens would never end, and would widen what it was narrowed to.
    async fn a_token_or_a_session_gives_no_token(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let narrow = hub.token("team-bot", &["repository:team/api:pull"]).await;
        hub.send(get("/token?scope=repository:team/api:pull,push,delete").by(&narrow)).await.fails(401, "UNAUTHORIZED");
        let cookie = hub.session("admin").await;
        hub.send(get("/token?scope=repository:team/api:pull").by(&cookie)).await.fails(401, "UNAUTHORIZED");
    }

    async fn a_token_ends_with_what_it_rests_on(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        hub.push_image(&hub.team, "team/api", "1").await;
        let token = hub.token("team-bot", &["repository:team/api:pull"]).await;
        hub.send(get("/v2/team/api/tags/list").by(&token)).await.is(200);
        hub.send(ask("DELETE", "/api/v1/projects/team/robots/team-bot/secrets").by(&admin)).await.is(204);
        let answer = hub.send(get("/v2/team/api/tags/list").by(&token)).await.fails(401, "UNAUTHORIZED");
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
        hub.send(get("/v2/team/api/tags/list").by(&hub.team)).await.fails(401, "UNAUTHORIZED");
        let update = json!({ "disabled": true });
        let token = hub.token("other-bot", &["repository:other/api:pull"]).await;
        hub.send(ask("PATCH", "/api/v1/projects/other/robots/other-bot").by(&admin).json(&update)).await.is(200);
        hub.send(get("/v2/other/api/tags/list").by(&token)).await.fails(401, "UNAUTHORIZED");
    }
}
