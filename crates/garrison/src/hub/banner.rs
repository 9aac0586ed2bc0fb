use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// What the start has to tell.
#[derive(Clone, Debug)]
pub(super) struct Banner<'a> {
    pub(super) version: &'a str,
    /// The data directory, as people write it.
    pub(super) data: &'a str,
    pub(super) database: &'a str,
    /// How old the advisories are, or that there are none.
    pub(super) advisories: &'a str,
    pub(super) scheme: &'a str,
    pub(super) listen: SocketAddr,
    pub(super) first: First<'a>,
    pub(super) took: Duration,
}

/// What a first start adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First<'a> {
    /// Nothing: the hub was here before.
    No,
    /// The administrator's password came from a file.
    PasswordGiven { file: &'a str },
    /// The administrator's password was made and is shown this once.
    PasswordMade { password: &'a str },
}

impl Banner<'_> {
    /// Returns the lines: two at a usual start.
    pub(super) fn render(&self) -> String {
        let Self { version, data, database, advisories, scheme, listen, first, took } = self;
        let reach = match (*scheme, listen.ip().to_canonical().is_loopback()) {
            ("https", _) => "",
            (_, true) => "   (loopback only; `--listen 0.0.0.0:5000` needs TLS or `--plain-http`)",
            (_, false) => "   (unencrypted, as `--plain-http` asks)",
        };
        let took_ms = took.as_millis();
        let mut text = format!("Garrison {version}   data {data}   database {database}   advisories: {advisories}\n");
        let made = match first {
            First::No => {
                let _infallible =
                    writeln!(text, "Listening on {scheme}://{listen}   Ready in {took_ms} ms. Ctrl-C stops cleanly.");
                return text;
            }
            First::PasswordGiven { file } => {
                format!("First start: user `admin` was made with the password in {file}.\n")
            }
            First::PasswordMade { password } => {
                format!("First start: user `admin` was made. Its password is shown once:\n    {password}\n")
            }
        };
        // An address that means "every interface" is none to connect to.
        let host =
            if listen.ip().is_unspecified() { format!("127.0.0.1:{}", listen.port()) } else { listen.to_string() };
        let (login, copy) = match *scheme {
            "https" => ("", ""),
            _ => (" --tls-verify=false", " --dest-tls-verify=false"),
        };
        let _infallible = write!(
            text,
            "Listening on {scheme}://{listen}{reach}\n\n{made}\n    \
             skopeo login{login} {host} -u admin\n    \
             skopeo copy{copy} docker://docker.io/library/alpine:3.20 docker://{host}/team/alpine:3.20\n    \
             open {scheme}://{host}\n\
             Ready in {took_ms} ms. Ctrl-C stops cleanly.\n",
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(first: First<'static>) -> Banner<'static> {
        Banner {
            version: "0.1.0",
            data: "~/.local/share/garrison",
            database: "sqlite",
            advisories: "not loaded yet",
            scheme: "http",
            listen: "127.0.0.1:5000".parse().unwrap(),
            first,
            took: Duration::from_millis(84),
        }
    }

    #[test]
    fn a_first_start_says_how_to_go_on() {
        insta::assert_snapshot!(banner(First::PasswordMade { password: "7Q4M-XK2P-ZD9W-H3TV" }).render());
    }

    #[test]
    fn a_later_start_takes_two_lines() {
        insta::assert_snapshot!(banner(First::No).render());
    }

    #[test]
    fn commands_are_of_an_address_that_can_be_reached() {
        let first = First::PasswordGiven { file: "/run/secrets/admin" };
        let banner = Banner { scheme: "https", listen: "0.0.0.0:443".parse().unwrap(), ..banner(first) };
        insta::assert_snapshot!(banner.render());
    }
}
