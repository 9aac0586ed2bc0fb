//! Programs run with a deadline, and waiting for what others do.

use std::fmt;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No client needs a tenth of this, also on a busy machine.
const RUN_DEADLINE: Duration = Duration::from_mins(3);
/// Between two looks at something that tells nobody when it changes.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How a program ended.
pub(crate) struct Ended {
    command: String,
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, status, stdout, stderr } = self;
        write!(f, "{command}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

impl Ended {
    /// Returns standard output of a program that succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert!(self.status.success(), "{self:?}");
        self.stdout
    }

    /// Returns all that a program said that failed.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert!(!self.status.success(), "{self:?}");
        self.output()
    }

    /// Returns all that a program said.
    pub(crate) fn output(self) -> String {
        self.stdout + &self.stderr
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status.success()
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let text = format!("{command:?}");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    thread::scope(|scope| {
        let stdout = scope.spawn(move || read(&mut stdout));
        let stderr = scope.spawn(move || read(&mut stderr));
        let status = wait(&mut child, RUN_DEADLINE);
        if status.is_none() {
            child.kill().unwrap();
        }
        let ended =
            |status| Ended { command: text, status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
        match status {
            Some(status) => ended(status),
            None => panic!("not done in {RUN_DEADLINE:?}: {:?}", ended(child.wait().unwrap())),
        }
    })
}

fn read(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for a child's end; `None` when it has not come by then.
pub(crate) fn wait(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    eventually(deadline, || child.try_wait().unwrap())
}

/// Looks until there is something; `None` when there is nothing by then.
pub(crate) fn eventually<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() > deadline {
            return None;
        }
        thread::park_timeout(LOOK_EVERY);
    }
}
