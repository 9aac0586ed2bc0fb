//! Two hubs and one data directory; a stop while a push runs.

use std::time::Duration;

use rustix::process::Signal;
use testkit::Database;

use crate::content::{self, sha256};
use crate::http::Client;
use crate::hub::{Hub, Installation};
use crate::process::{eventually, run};

/// A drain that no test waits for the end of.
const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "10m"];
/// Far below the drain's own limit.
const SOON: Duration = Duration::from_mins(1);

testkit::on_both_databases! {
    async fn a_second_hub_is_refused(database: Database) {
        let installation = Installation::new(database);
        let hub = installation.start(&[]);
        let said = run(&mut installation.command(&[])).failed();
        assert!(said.contains(&format!("another hub (process {})", hub.process())), "{said}");
        hub.client().get("/v2/").unwrap().expect(200);
        hub.stop();
        installation.start(&[]).stop();
    }

    async fn a_stop_waits_for_a_running_push(database: Database) {
        let installation = Installation::new(database);
        let hub = installation.start(&LONG_DRAIN);
        let mut push = Push::begin(&hub);
        hub.signal(Signal::TERM);
        assert_draining(&hub);
        push.finish().expect(201);
        assert!(hub.end().success());

        let hub = installation.start(&[]);
        assert_eq!(hub.client().get(&push.blob()).unwrap().expect(200).body, push.content);
        hub.stop();
    }

    async fn an_upload_that_had_just_begun_goes_on_after_a_stop(database: Database) {
        let installation = Installation::new(database);
        let hub = installation.start(&[]);
        let mut client = hub.client();
        let uploads = "/v2/team/begun/blobs/uploads/";
        let [first, content] = [content::bytes(4, 10), content::bytes(5, 400_000)];
        client.send("POST", &format!("{uploads}?digest={}", sha256(&first)), &[], &first).unwrap().expect(201);
        let begun = client.send("POST", uploads, &[], b"").unwrap().expect(202);
        drop(client);
        hub.stop();
        let hub = installation.start(&[]);
        let finish = format!("{}?digest={}", begun.header("location").unwrap(), sha256(&content));
        hub.client().send("PUT", &finish, &[], &content).unwrap().expect(201);
        let path = format!("/v2/team/begun/blobs/{}", sha256(&content));
        assert_eq!(hub.client().get(&path).unwrap().expect(200).body, content);
        hub.stop();
    }

    async fn a_second_signal_ends_at_once(database: Database) {
        let installation = Installation::new(database);
        let hub = installation.start(&LONG_DRAIN);
        let push = Push::begin(&hub);
        hub.signal(Signal::TERM);
        assert_draining(&hub);
        hub.signal(Signal::TERM);
        assert_eq!(hub.end().code(), Some(128 + Signal::TERM.as_raw()));

        let hub = installation.start(&[]);
        assert_eq!(hub.client().get(&push.blob()).unwrap().status, 404);
        hub.stop();
    }
}

/// A push of which one half has been sent.
struct Push {
    client: Client,
    content: Vec<u8>,
}

impl Push {
    fn begin(hub: &Hub) -> Self {
        let mut client = hub.client();
        let content = content::bytes(3, 4_000_000);
        // A project must be there: its making is no part of what is cut off.
        let first = format!("/v2/team/drained/blobs/uploads/?digest={}", sha256(b"first"));
        client.send("POST", &first, &[], b"first").unwrap().expect(201);
        let path = format!("/v2/team/drained/blobs/uploads/?digest={}", sha256(&content));
        let length = content.len().to_string();
        client.begin("POST", &path, &[("Content-Length", &length), ("Expect", "100-continue")]).unwrap();
        // So the hub has taken the request, and does not close a connection on which, as far as it knows, nothing runs.
        client.answer("POST").unwrap().expect(100);
        client.push(&content[..content.len() / 2]).unwrap();
        Self { client, content }
    }

    fn finish(&mut self) -> crate::http::Answer {
        self.client.push(&self.content[self.content.len() / 2..]).unwrap();
        self.client.answer("POST").unwrap()
    }

    fn blob(&self) -> String {
        format!("/v2/team/drained/blobs/{}", sha256(&self.content))
    }
}

/// Waits until the hub tells, or shows, that it takes no more.
fn assert_draining(hub: &Hub) {
    let refuses = || hub.anonymous().get("/readyz").map_or(Some(()), |answer| (answer.status != 200).then_some(()));
    assert!(eventually(SOON, refuses).is_some(), "the hub still says that it is ready");
}
