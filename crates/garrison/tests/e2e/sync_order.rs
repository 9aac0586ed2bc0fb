//! Whether a `201` is written only after what it promises is on the disk, as the kernel sees it: `strace` watches a hub.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::Database;

use crate::content::{self, IMAGE_MANIFEST, image_manifest, sha256};
use crate::hub::{Hub, Installation};
use crate::process::wait;
use crate::skipped;

const CALLS: &str = "trace=openat,rename,renameat,renameat2,linkat,fsync,fdatasync,write,writev,sendto,sendmsg";
const STRACE_DEADLINE: Duration = Duration::from_mins(2);

testkit::on_both_databases! {
    async fn a_201_comes_after_file_directory_and_log(database: Database) { watch(database); }
}

fn watch(database: Database) {
    let Some(strace) = crate::program("strace") else { return };
    let installation = Installation::new(database);
    let hub = installation.start(&[]);
    let trace = installation.data().with_extension("trace");
    let Some(mut tracer) = attach(&strace, &hub, &trace) else { return };

    let mut client = hub.client();
    let (small, large, whole) = (content::bytes(1, 2_000), content::bytes(2, 3_000_000), content::bytes(3, 2_000_000));
    let at_once = format!("/v2/team/traced/blobs/uploads/?digest={}", sha256(&small));
    client.send("POST", &at_once, &[], &small).unwrap().expect(201);
    let begun = client.send("POST", "/v2/team/traced/blobs/uploads/", &[], b"").unwrap().expect(202);
    let location = begun.header("location").unwrap().to_owned();
    client.send("PATCH", &location, &[], &large).unwrap().expect(202);
    client.send("PUT", &format!("{location}?digest={}", sha256(&large)), &[], b"").unwrap().expect(201);
    let begun = client.send("POST", "/v2/team/traced/blobs/uploads/", &[], b"").unwrap().expect(202);
    let location = begun.header("location").unwrap();
    client.send("PUT", &format!("{location}?digest={}", sha256(&whole)), &[], &whole).unwrap().expect(201);
    let manifest = image_manifest(&small, &[&large]);
    let manifest_type = [("Content-Type", IMAGE_MANIFEST)];
    client.send("PUT", "/v2/team/traced/manifests/1", &manifest_type, &manifest).unwrap().expect(201);
    drop(client);
    hub.stop();
    assert!(wait(&mut tracer, STRACE_DEADLINE).is_some(), "strace did not end with the hub");

    let calls = parse(&std::fs::read_to_string(&trace).unwrap());
    let answers: Vec<&Call> = calls.iter().filter(|call| call.is_write() && call.has("HTTP/1.1 201")).collect();
    let [small_answer, large_answer, whole_answer, manifest_answer] = answers.as_slice() else {
        panic!("four answers are expected: {answers:#?}")
    };
    let log_sync = |call: &Call| match installation.database() {
        "sqlite" => call.is_sync() && call.has("/garrison.db-wal>"),
        _ => call.is_write() && call.has("COMMIT"),
    };
    for (answer, blob) in [(small_answer, &small), (large_answer, &large), (whole_answer, &whole)] {
        let hex = sha256(blob).hex();
        let shard = format!("/blobs/sha256/{}", &hex[..2]);
        let file = format!("{shard}/{hex}.");
        let before = |call: &&Call| call.end < answer.start;
        let named = calls.iter().filter(before).find(|call| call.makes_name() && call.has(&file[1..]));
        let named = named.unwrap_or_else(|| panic!("the blob has its name before the answer: {calls:#?}"));
        // A file that was an upload is synced through the name that it was opened by.
        let (_, id) = named.text.split_once(&file[1..]).unwrap();
        let upload = format!("/uploads/{}>", &id[..32]);
        let is_its_file = |call: &&Call| call.has(&file) || call.has(&upload);
        let synced = calls.iter().filter(before).find(|call| call.is_sync() && is_its_file(call));
        let synced = synced.unwrap_or_else(|| panic!("the blob is synced before the answer: {calls:#?}"));
        let directory = calls
            .iter()
            .filter(before)
            .find(|call| call.start > named.end && call.is_sync() && call.has(&format!("{shard}>")));
        let directory = directory.unwrap_or_else(|| panic!("its directory is synced before the answer: {calls:#?}"));
        let durable = synced.end.max(directory.end);
        let log = calls.iter().filter(before).find(|call| call.start > durable && log_sync(call));
        assert!(log.is_some(), "the transaction is durable after the file and before the answer: {calls:#?}");
    }
    let log =
        calls.iter().find(|call| call.start > whole_answer.end && call.end < manifest_answer.start && log_sync(call));
    assert!(log.is_some(), "the manifest's transaction is durable before the answer: {calls:#?}");
}

/// Attaches to a hub; `None`, said loudly, where that is not allowed.
fn attach(strace: &Path, hub: &Hub, trace: &Path) -> Option<Child> {
    let mut command = Command::new(strace);
    command.args(["-f", "-yy", "-s", "96", "-e", CALLS, "-o"]).arg(trace).args(["-p", &hub.process().to_string()]);
    let mut tracer = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(tracer.stderr.take().unwrap());
    while !said.contains(" attached") {
        if stderr.read_line(&mut said).unwrap() == 0 {
            tracer.wait().unwrap();
            skipped(&format!("strace cannot trace here: {said}"));
            return None;
        }
    }
    // It says little more, but must be able to.
    std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(drop));
    Some(tracer)
}

/// A system call, with the lines of the trace on which it began and ended.
#[derive(Debug)]
struct Call {
    start: usize,
    end: usize,
    text: String,
}

impl Call {
    fn name(&self) -> &str {
        self.text.split('(').next().unwrap_or_default()
    }

    fn has(&self, part: &str) -> bool {
        self.text.contains(part)
    }

    fn is_sync(&self) -> bool {
        matches!(self.name(), "fsync" | "fdatasync") && self.text.ends_with("= 0")
    }

    fn is_write(&self) -> bool {
        matches!(self.name(), "write" | "writev" | "sendto" | "sendmsg")
    }

    fn makes_name(&self) -> bool {
        self.name().starts_with("rename") || self.name() == "linkat" || self.has("O_CREAT")
    }
}

/// Reads a trace, joining calls that others interrupted.
fn parse(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: Vec<(&str, usize, &str)> = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            unfinished.push((thread, number, begun));
        } else if rest.starts_with("<... ") {
            let Some(index) = unfinished.iter().position(|(other, ..)| *other == thread) else { continue };
            let (_, start, begun) = unfinished.swap_remove(index);
            let (_, ended) = rest.split_once("resumed>").unwrap_or_default();
            calls.push(Call { start, end: number, text: format!("{begun}{ended}") });
        } else {
            calls.push(Call { start: number, end: number, text: rest.to_owned() });
        }
    }
    calls
}
