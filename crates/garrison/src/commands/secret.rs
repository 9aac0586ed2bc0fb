use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::error::{CommandError, Kind};

/// The longest secret that is read; the hub's own limit is far below.
const SECRET_BYTES_MAX: u64 = 4096;

/// Asks for a secret on the terminal, without showing it.
pub(super) fn ask(prompt: &str) -> Result<String, CommandError> {
    if !io::stdin().is_terminal() {
        return Err(CommandError::new(Kind::Usage, "there is no terminal to ask for the password")
            .hint("`--password-stdin` reads it from standard input"));
    }
    let failed = |source: io::Error| CommandError::environment("failed to ask for the password", source);
    let before = tcgetattr(io::stdin()).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    write!(io::stderr(), "{prompt}: ").map_err(failed)?;
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(|error| failed(error.into()))?;
    let secret = read(&mut io::stdin().lock());
    tcsetattr(io::stdin(), OptionalActions::Flush, &before).map_err(|error| failed(error.into()))?;
    secret.map_err(failed)
}

/// Reads a secret from standard input: its first line.
pub(super) fn from_stdin() -> Result<String, CommandError> {
    read(&mut io::stdin().lock())
        .map_err(|source| CommandError::environment("failed to read the password from standard input", source))
}

fn read(input: &mut impl io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.take(SECRET_BYTES_MAX + 1).read_line(&mut line)?;
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    }
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"));
    }
    if line.len() as u64 > SECRET_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {SECRET_BYTES_MAX} bytes")));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_secret() {
        let table = [
            ("a b\nc", Some("a b")),
            ("x\r\n", Some("x")),
            ("x", Some("x")),
            (" \n", Some(" ")),
            ("\n", None),
            ("", None),
        ];
        for (input, expected) in table {
            assert_eq!(read(&mut input.as_bytes()).ok().as_deref(), expected, "{input:?}");
        }
    }

    #[test]
    fn a_secret_is_bounded() {
        let limit = usize::try_from(SECRET_BYTES_MAX).unwrap();
        for (length, accepted) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            assert_eq!(read(&mut "x".repeat(length).as_bytes()).is_ok(), accepted, "{length}");
        }
    }
}
