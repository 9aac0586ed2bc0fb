//! A hub from its first start to its end, and the command line against it.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Home;

/// Where the log of a home's hubs goes.
const LOG: &str = "hub.log";

/// A hub that runs; killed when dropped.
pub(crate) struct Hub {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// What it said until it was ready.
    banner: String,
    pub(crate) address: String,
}

impl Hub {
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        let arguments: Vec<&str> =
            ["up", "--listen", "127.0.0.1:0", "--advisories-update", "off"].iter().chain(arguments).copied().collect();
        let mut command = home.garrison(&arguments);
        let log = OpenOptions::new().create(true).append(true).open(home.path().join(LOG)).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("Ready in") {
            let ended = || std::fs::read_to_string(home.path().join(LOG)).unwrap();
            assert!(stdout.read_line(&mut banner).unwrap() > 0, "the hub ended: {banner}{}", ended());
        }
        let address = banner.split_once("http://").unwrap().1;
        let address = address.split_whitespace().next().unwrap().to_owned();
        Self { child, stdout, banner, address }
    }

    pub(crate) fn password(&self) -> String {
        let (_, rest) = self.banner.split_once("shown once:\n").unwrap();
        rest.lines().next().unwrap().trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and returns the exit code and what was still said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It has ended already in the good case.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

pub(crate) fn login(home: &Home, hub: &Hub, user: &str, password: &str) -> String {
    let secret = home.path().join("secret");
    std::fs::write(&secret, password).unwrap();
    let mut command = home.garrison(&["login", &hub.address, "--user", user, "--password-stdin", "--name", "here"]);
    home.told(&command.stdin(std::fs::File::open(secret).unwrap()).output().unwrap())
}

#[test]
fn from_the_first_start_to_the_last_word() {
    let home = Home::new();
    let hub = Hub::start(&home, &["--log", "info", "--log-format", "json"]);
    assert!(
        hub.banner.starts_with(
            "Garrison 0.1.0   data ~/.local/share/garrison   database sqlite   advisories: not loaded yet\n"
        ),
        "{}",
        hub.banner
    );

    let refused = login(&home, &hub, "admin", "not the password");
    assert!(refused.starts_with("exit 1\n"), "{refused}");
    let accepted = login(&home, &hub, "admin", &hub.password());
    assert!(accepted.starts_with("exit 0\n"), "{accepted}");

    let run = |arguments: &[&str], expected: i32| {
        let told = home.run(arguments);
        assert!(told.starts_with(&format!("exit {expected}\n")), "{arguments:?}: {told}");
        told
    };
    run(&["project", "create", "team"], 0);
    run(&["project", "create", "team"], 1);
    run(&["project", "set", "team", "public", "true"], 0);
    let projects = run(&["project", "list"], 0);
    assert!(projects.contains("\nteam     yes "), "{projects}");
    let robot = run(&["robot", "create", "ci-web", "--project", "team", "--grant", "team/*=reader"], 0);
    assert!(robot.contains("\ngrt_"), "{robot}");
    run(&["robot", "grant", "ci-web", "team/*", "writer", "--project", "team"], 0);
    let robots = run(&["robot", "list", "--project", "team"], 0);
    assert!(robots.contains("team/*=writer"), "{robots}");
    run(&["robot", "revoke", "ci-web", "team/*", "--project", "team"], 0);
    run(&["robot", "revoke", "ci-web", "team/*", "--project", "team"], 1);
    run(&["robot", "rotate", "ci-web", "--project", "team"], 0);
    let explained = run(&["access", "explain", "--as", "ci-web", "push", "team/api"], 1);
    assert!(explained.contains("\nNo. "), "{explained}");
    run(&["access", "explain", "push", "team/api"], 0);
    run(&["repo", "list"], 0);
    run(&["repo", "show", "team/none"], 1);
    run(&["repo", "tags", &format!("{}/team/none", hub.address)], 1);
    run(&["user", "list"], 0);
    run(&["gc", "status"], 0);
    run(&["jobs", "list"], 0);
    run(&["fsck"], 0);
    run(&["audit", "list"], 0);
    run(&["audit", "verify"], 0);
    run(&["version", "--hub"], 0);
    run(&["context", "list"], 0);
    run(&["robot", "delete", "ci-web", "--project", "team"], 0);
    run(&["project", "delete", "team"], 0);

    hub.signal(Signal::TERM);
    assert_eq!(hub.end(), (Some(0), String::new()));
    // What somebody asked for is a line of the log, once.
    let log = std::fs::read_to_string(home.path().join(LOG)).unwrap();
    let changes: Vec<_> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|fields| fields["message"] == "change made")
        .map(|fields| {
            assert_eq!((&fields["actor"], &fields["outcome"]), (&"user:admin".into(), &"allowed".into()), "{fields}");
            format!("{} {}", fields["action"].as_str().unwrap(), fields["resource"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "project.create project:team",
        "project.update project:team",
        "robot.create robot:team/ci-web",
        "robot.update robot:team/ci-web",
        "robot.update robot:team/ci-web",
        "robot.rotate robot:team/ci-web",
        "fsck.start registry",
        "robot.delete robot:team/ci-web",
        "project.delete project:team",
    ];
    assert_eq!(changes, expected);
    run(&["project", "list"], 3);
    run(&["logout"], 0);
}

#[test]
fn a_second_hub_is_refused_and_a_later_start_takes_two_lines() {
    let home = Home::new();
    let hub = Hub::start(&home, &[]);
    let second = home.run(&["up", "--listen", "127.0.0.1:0"]);
    let expected = format!(
        "exit 3\n--- stdout\n--- stderr\nerror: another hub (process {}) uses the data directory `~/.local/share/garrison`\n\
         hint:  stop it first, or give this one its own `--data-dir`\n",
        hub.child.id()
    );
    assert_eq!(second, expected);
    let offline = home.run(&["user", "reset-password", "admin"]);
    assert!(offline.starts_with("exit 3\n"), "{offline}");
    hub.signal(Signal::INT);
    assert_eq!(hub.end().0, Some(0));

    let again = Hub::start(&home, &[]);
    assert_eq!(again.banner.lines().count(), 2, "{}", again.banner);
}

#[test]
fn a_lost_master_key_and_a_known_token_key_are_replaced_offline() {
    let home = Home::new();
    assert!(home.run(&["keys", "recover"]).starts_with("exit 3\n"));
    std::fs::write(home.path().join("password"), "correct horse battery\n").unwrap();
    let hub = Hub::start(&home, &["--admin-password-file", "password"]);
    assert!(home.run(&["keys", "rotate"]).starts_with("exit 3\n"), "a hub that runs keeps its keys");
    hub.signal(Signal::TERM);
    hub.end();
    assert!(home.run(&["keys", "recover"]).starts_with("exit 1\n"), "nothing is lost");

    let key = home.path().join(".local/share/garrison/master.key");
    std::fs::remove_file(&key).unwrap();
    let refused = home.run(&["up", "--listen", "127.0.0.1:0"]);
    assert!(refused.starts_with("exit 3\n") && refused.contains("`garrison keys recover`"), "{refused}");
    assert!(!key.exists());
    let recovered = home.run(&["keys", "recover"]);
    assert!(recovered.starts_with("exit 0\n--- stdout\n1 token keys made anew, 1 audit keys kept"), "{recovered}");
    let rotated = home.run(&["keys", "rotate"]);
    assert!(rotated.starts_with("exit 0\n--- stdout\n1 token keys replaced"), "{rotated}");

    let hub = Hub::start(&home, &[]);
    assert!(login(&home, &hub, "admin", "correct horse battery").starts_with("exit 0\n"));
    let verified = home.run(&["audit", "verify"]);
    assert!(verified.starts_with("exit 0\n"), "{verified}");
    hub.signal(Signal::TERM);
    assert_eq!(hub.end().0, Some(0));
}

#[test]
fn a_lost_password_is_set_offline() {
    let home = Home::new();
    let unknown = home.run(&["user", "reset-password", "admin"]);
    assert!(unknown.starts_with("exit 3\n"), "{unknown}");

    std::fs::write(home.path().join("password"), "correct horse battery\n").unwrap();
    let hub = Hub::start(&home, &["--admin-password-file", "password"]);
    assert!(login(&home, &hub, "admin", "correct horse battery").starts_with("exit 0\n"));
    hub.signal(Signal::TERM);
    hub.end();

    assert!(home.run(&["user", "reset-password", "nobody-here"]).starts_with("exit 1\n"));
    let reset = home.run(&["user", "reset-password", "admin"]);
    assert!(reset.starts_with("exit 0\n"), "{reset}");
    let password = reset.lines().nth(2).unwrap();
    let hub = Hub::start(&home, &[]);
    assert!(login(&home, &hub, "admin", "correct horse battery").starts_with("exit 1\n"));
    assert!(login(&home, &hub, "admin", password).starts_with("exit 0\n"));
}

#[test]
fn a_login_leaves_the_context_of_another_user() {
    let (at_hub, user) = (Home::new(), Home::new());
    let hub = Hub::start(&at_hub, &[]);
    let login = |name: &str, password: &str, more: &[&str]| {
        std::fs::write(user.path().join("secret"), password).unwrap();
        let arguments = [&["login", hub.address.as_str(), "--user", name, "--password-stdin"], more].concat();
        let secret = std::fs::File::open(user.path().join("secret")).unwrap();
        user.told(&user.garrison(&arguments).stdin(secret).output().unwrap()).replace(&hub.address, "HUB")
    };
    let first = login("admin", &hub.password(), &[]);
    assert!(first.contains("`HUB` is the current context"), "{first}");
    assert!(login("admin", &hub.password(), &[]).contains("`HUB` is the current context"));
    std::fs::write(user.path().join("low"), "a long password").unwrap();
    let mut made = user.garrison(&["user", "create", "low", "--password-stdin"]);
    let low = std::fs::File::open(user.path().join("low")).unwrap();
    let told = user.told(&made.stdin(low).output().unwrap());
    assert!(told.starts_with("exit 0\n"), "{told}");
    let second = login("low", "a long password", &[]);
    assert!(second.contains("as low; `low@HUB` is the current context"), "{second}");
    let listed = user.run(&["context", "list"]);
    assert!(listed.contains("admin") && listed.contains("low"), "{listed}");
    let named = login("low", "a long password", &["--name", &hub.address]);
    assert!(
        named.contains("It was that of admin. Undo: garrison login") && named.contains("--user admin --name HUB"),
        "{named}"
    );
}
