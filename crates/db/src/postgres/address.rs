//! The URL of a PostgreSQL database. The driver knows only `sslmode` disable, prefer and require, none of which checks who
//! answers, so that what concerns TLS is read here.

use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode};

use crate::Error;

/// A parsed URL.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) config: tokio_postgres::Config,
    pub(super) protection: Protection,
}

/// How a connection is protected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// Not at all.
    None,
    /// By TLS with the server's certificate and name checked.
    VerifyFull {
        /// PEM file of the authorities to trust instead of the platform's.
        authorities: Option<PathBuf>,
    },
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(refused("it does not begin with postgres://"));
        }
        let (before, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = None;
        let mut authorities = None;
        let mut others = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", "system")) => authorities = None,
                Some(("sslrootcert", value)) => authorities = Some(path(value)?),
                _ => others.push(parameter),
            }
        }
        let driver_url = format!("{before}?{}", others.join("&"));
        // The driver's message may hold a part of the URL, and with it a password.
        let mut config: tokio_postgres::Config =
            driver_url.parse().map_err(|_| refused("it is not a PostgreSQL URL, or has an unknown parameter"))?;

        let protection = match mode {
            Some("disable") => Protection::None,
            None if is_local(&config) && authorities.is_none() => Protection::None,
            None | Some("require" | "verify-full") => Protection::VerifyFull { authorities },
            Some(mode @ ("allow" | "prefer" | "verify-ca")) => {
                return Err(refused(&format!("sslmode={mode} does not check who answers; use verify-full or disable")));
            }
            Some(_) => return Err(refused("its sslmode is not disable, require or verify-full")),
        };
        let driver_mode = if protection == Protection::None { SslMode::Disable } else { SslMode::Require };
        config.ssl_mode(driver_mode).connect_timeout(super::CONNECT_TIMEOUT);
        if config.get_application_name().is_none() {
            config.application_name("garrison");
        }
        Ok(Self { config, protection })
    }
}

fn is_local(config: &tokio_postgres::Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
    }) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn path(encoded: &str) -> Result<PathBuf, Error> {
    let decoded = percent_decode_str(encoded).decode_utf8();
    decoded.map(|path| PathBuf::from(path.as_ref())).map_err(|_| refused("its sslrootcert is not UTF-8"))
}

fn refused(reason: &str) -> Error {
    Error::Url { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let actual = match Address::parse(url) {
            Ok(Address { protection: Protection::None, .. }) => "plain".to_owned(),
            Ok(Address { protection: Protection::VerifyFull { authorities: None }, .. }) => "verified".to_owned(),
            Ok(Address { protection: Protection::VerifyFull { authorities: Some(path) }, .. }) => {
                format!("verified by {}", path.display())
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected, "{url}");
    }

    #[test]
    fn a_connection_is_verified_unless_it_is_local_or_told_otherwise() {
        let refusal = "database URL is not usable: ";
        check("mysql://host/name", &format!("{refusal}it does not begin with postgres://"));
        check("postgres://host:x/name", &format!("{refusal}it is not a PostgreSQL URL, or has an unknown parameter"));
        check(
            "postgres://me:secret@host/name?colour=red",
            &format!("{refusal}it is not a PostgreSQL URL, or has an unknown parameter"),
        );
        for mode in ["allow", "prefer", "verify-ca"] {
            check(
                &format!("postgres://host/name?sslmode={mode}"),
                &format!("{refusal}sslmode={mode} does not check who answers; use verify-full or disable"),
            );
        }
        check(
            "postgres://host/name?sslmode=Require",
            &format!("{refusal}its sslmode is not disable, require or verify-full"),
        );
        check("postgres://host/name?sslmode=disable", "plain");
        check("postgres://localhost/name", "plain");
        check("postgres://127.0.0.1:5433/name", "plain");
        check("postgres:///name?host=/run/postgresql", "plain");
        check("postgres://localhost,db.example.com/name", "verified");
        check("postgres://localhost/name?hostaddr=192.0.2.1", "verified");
        check("postgres://host/name", "verified");
        check("postgresql://host/name?sslmode=require&sslrootcert=system", "verified");
        check(
            "postgres://host/name?sslmode=verify-full&sslrootcert=%2Fetc%2Fdb%20ca.pem",
            "verified by /etc/db ca.pem",
        );
        check("postgres://localhost/name?sslrootcert=ca.pem", "verified by ca.pem");
    }

    #[test]
    fn a_password_is_never_in_an_error() {
        for url in ["postgres://me:secret@host:x/", "postgres://me:secret@host/?a=b", "me:secret@host"] {
            let Err(error) = Address::parse(url) else { panic!("{url} was taken") };
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
