//! Logging in and out.

use axum::body::Body;
use http::{Request, StatusCode, header};

use crate::world::{HOST, World};

const FORM: &str = "name=admin&password=correct+horse+battery";

testkit::on_both_databases! {
    async fn a_login_begins_a_session_and_a_logout_ends_it(database: testkit::Database) {
        let world = World::new(database).await;
        let answer = world.post("/login", None, FORM).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
        let session = answer.session().to_owned();
        let cookie = answer.header("set-cookie").replace(&session, "SECRET");
        assert_eq!(cookie, "garrison_session=SECRET; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200");
        assert!(world.get("/", Some(&session)).await.text.contains("admin sees"));

        let answer = world.post("/logout", Some(&session), "").await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
        assert_eq!(answer.header("set-cookie"), "garrison_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
        assert!(!world.get("/", Some(&session)).await.text.contains("admin sees"), "the session outlived its logout");
    }
}

testkit::on_both_databases! {
    async fn a_second_login_ends_the_session_before(database: testkit::Database) {
        let world = World::new(database).await;
        let first = world.log_in("admin").await;
        let answer = world.post("/login", Some(&first), FORM).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_ne!(answer.session(), first);
        assert!(!world.get("/", Some(&first)).await.text.contains("admin sees"));
    }
}

testkit::on_both_databases! {
    async fn the_cookie_is_for_tls_alone_where_there_is_tls(database: testkit::Database) {
        let world = World::new(database).await;
        let request = Request::post(format!("https://{HOST}/login"))
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(FORM))
            .unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.header("set-cookie").ends_with("; Secure"), "{}", answer.header("set-cookie"));
    }
}

testkit::on_both_databases! {
    async fn a_wrong_password_and_an_unknown_name_get_the_same_answer(database: testkit::Database) {
        let world = World::new(database).await;
        let known = world.post("/login", None, "name=reader&password=wrong+password").await;
        let unknown = world.post("/login", None, "name=nobody&password=wrong+password").await;
        assert_eq!((known.status, known.session()), (StatusCode::FORBIDDEN, ""));
        assert_eq!(known.text.replace("reader", "nobody"), unknown.text);
        assert!(known.text.contains("No account has this name and password."));
        assert!(!known.text.contains("wrong password"));
    }
}

testkit::on_both_databases! {
    async fn guessing_is_throttled(database: testkit::Database) {
        let world = World::new(database).await;
        let mut status = StatusCode::FORBIDDEN;
        for _ in 0..20 {
            status = world.post("/login", None, "name=admin&password=wrong+password").await.status;
            if status == StatusCode::TOO_MANY_REQUESTS {
                break;
            }
        }
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    }
}

testkit::on_both_databases! {
    async fn a_login_goes_on_only_to_a_path_of_this_hub(database: testkit::Database) {
        let world = World::new(database).await;
        for (next, expected) in [
            ("%2Frepositories%3Fname%3Dteam%2Fapi", "/repositories?name=team/api"),
            ("https%3A%2F%2Fevil.example", "/"),
            ("%2F%2Fevil.example", "/"),
            ("%2F%5Cevil.example", "/"),
            ("%2F%09%2Fevil.example", "/"),
            ("%2Fa%0D%0ASet-Cookie%3A+x", "/"),
        ] {
            let answer = world.post("/login", None, &format!("{FORM}&next={next}")).await;
            assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, expected), "{next}");
            let session = answer.session().to_owned();
            let answer = world.get(&format!("/login?next={next}"), Some(&session)).await;
            // Some are refused before they are looked at.
            let went = (answer.status != StatusCode::BAD_REQUEST).then(|| answer.header("location"));
            assert!(went.is_none_or(|went| went == expected), "{next}: {went:?}");
        }
    }
}

testkit::on_both_databases! {
    async fn a_foreign_page_can_log_nobody_in_or_out(database: testkit::Database) {
        let world = World::new(database).await;
        let session = world.log_in("admin").await;
        let own = format!("http://{HOST}");
        for (path, headers) in [
            ("/login", vec![]),
            ("/login", vec![("origin", "https://evil.example")]),
            ("/login", vec![("origin", "null")]),
            ("/login", vec![("sec-fetch-site", "cross-site")]),
            ("/login", vec![("sec-fetch-site", "same-site")]),
            ("/login", vec![("sec-fetch-site", "none")]),
            ("/login", vec![("sec-fetch-site", "cross-site"), ("origin", own.as_str())]),
            ("/logout", vec![]),
            ("/logout", vec![("origin", "https://evil.example")]),
            ("/logout", vec![("sec-fetch-site", "cross-site")]),
        ] {
            for cookie in [None, Some(&session)] {
                let mut request = Request::post(path).header(header::HOST, HOST);
                for (name, value) in &headers {
                    request = request.header(*name, *value);
                }
                if let Some(session) = cookie {
                    request = request.header(header::COOKIE, format!("garrison_session={session}"));
                }
                let answer = world.send(request.body(Body::from(FORM)).unwrap()).await;
                assert_eq!((answer.status, answer.session()), (StatusCode::FORBIDDEN, ""), "{path} {headers:?}");
                assert!(answer.text.contains("CSRF_REFUSED"));
            }
        }
        assert!(world.get("/", Some(&session)).await.text.contains("admin sees"));
    }
}

testkit::on_both_databases! {
    async fn a_form_has_a_largest(database: testkit::Database) {
        let world = World::new(database).await;
        for (length, expected) in
            [(8191, StatusCode::SEE_OTHER), (8192, StatusCode::SEE_OTHER), (8193, StatusCode::PAYLOAD_TOO_LARGE)]
        {
            let padding = "a".repeat(length - FORM.len() - 3);
            let answer = world.post("/login", None, &format!("{FORM}&p={padding}")).await;
            assert_eq!(answer.status, expected, "{length}");
        }
    }
}

testkit::on_both_databases! {
    async fn who_is_not_logged_in_is_led_to_the_login_and_back(database: testkit::Database) {
        let world = World::new(database).await;
        let answer = world.get("/projects/team", None).await;
        let login = answer.header("location");
        assert_eq!((answer.status, login), (StatusCode::SEE_OTHER, "/login?next=%2Fprojects%2Fteam"));
        assert_eq!(answer.header("www-authenticate"), "");
        let form = world.get(login, None).await;
        assert!(form.text.contains(r#"name="next" value="/projects/team""#), "{}", form.text);
    }
}
