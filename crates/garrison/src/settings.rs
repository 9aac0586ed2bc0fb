//! The settings of the process: each is declared once, here.
//!
//! A declaration gives the key of the TOML file, the type, the default and the documentation. The flag (`--data-dir`),
//! the variable (`GARRISON_DATA_DIR`), the field of [`Settings`], `--help` and the configuration reference come from
//! it. Everything that is not a matter of this one process is set through the API instead.

mod layers;
mod show;
mod value;

pub(crate) use layers::{Error, Layers, nearest, read_file};
pub(crate) use show::{reference, rows};
pub(crate) use value::{
    Bytes, BytesOrOff, Choices, Database, Directory, LogFormat, Often, Parsed, PrivateHosts, choice,
};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use api::TrustedProxies;
use outbound::HubAddress;

/// What a setting is, without its value.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The key in the TOML file.
    pub(crate) key: &'static str,
    /// What a value looks like.
    pub(crate) form: &'static str,
    /// The default, as it would be written.
    pub(crate) default: &'static str,
    /// The documentation, first line in itself a summary.
    pub(crate) doc: &'static str,
    /// Whether it is a switch: its flag needs no value.
    pub(crate) switch: bool,
    /// Whether the value has parts that are not shown.
    pub(crate) secret: bool,
    check: fn(&str) -> Result<String, String>,
}

impl Setting {
    /// Returns the name of the command-line flag, without the dashes.
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// Returns the name of the environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("GARRISON_{}", self.key.to_uppercase())
    }

    /// Returns how the value is shown, or why it cannot be one.
    fn shown(&self, text: &str) -> Result<String, String> {
        (self.check)(text)
    }
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:literal;)+) => {
        /// The settings, parsed.
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $($(#[doc = $doc])+ pub(crate) $key: $type,)+
        }

        /// Every setting there is.
        pub(crate) const SETTINGS: &[Setting] = &[
            $(Setting {
                key: stringify!($key),
                form: <$type as Parsed>::FORM,
                default: $default,
                doc: concat!($($doc, "\n"),+),
                switch: <$type as Parsed>::SWITCH,
                secret: <$type as Parsed>::SECRET,
                check: value::check::<$type>,
            },)+
        ];

        impl Settings {
            /// Parses what the layers say.
            pub(crate) fn parse(layers: &Layers) -> Result<Self, Error> {
                Ok(Self { $($key: layers.parse(stringify!($key))?,)+ })
            }
        }
    };
}

settings! {
    /// Directory of the database, the blobs, the uploads and the master key.
    ///
    /// Made with mode 0700. One hub at a time uses it. Default: `$XDG_DATA_HOME/garrison`, else
    /// `~/.local/share/garrison`.
    data_dir: Directory = "";
    /// Address and port to listen on.
    ///
    /// Other than loopback addresses need `tls_cert` and `tls_key`, or `plain_http`.
    listen: SocketAddr = "127.0.0.1:5000";
    /// Serves plain HTTP on an address that other machines reach.
    ///
    /// For a hub behind a proxy that ends TLS. Passwords cross that network as they are.
    plain_http: bool = "false";
    /// PEM file of the certificate chain, the hub's own certificate first.
    ///
    /// Read again when it changes; connections stay open.
    tls_cert: Option<PathBuf> = "";
    /// PEM file of the certificate's private key.
    tls_key: Option<PathBuf> = "";
    /// Offers HTTP/2 besides HTTP/1.1.
    http2: bool = "true";
    /// URL under which clients reach the hub, when it is not the address they asked for.
    ///
    /// Stands in login challenges and in links. Default: from each request.
    external_url: Option<HubAddress> = "";
    /// Networks of proxies in front of the hub, with commas between them, as `10.0.0.0/8,fd00::/8`.
    ///
    /// Failed logins are slowed down per address. From these proxies the address is the last one in `X-Forwarded-For` that
    /// is not a proxy itself; without this setting, everyone behind a proxy shares its address. A proxy must set or extend
    /// that header itself.
    trusted_proxies: TrustedProxies = "";
    /// Address and port of a listener of its own for `/metrics`, without login.
    ///
    /// Without it, `/metrics` is served on `listen` to those with the permission.
    metrics_listen: Option<SocketAddr> = "";
    /// Database: empty for the one in the data directory, or `postgres://user:password@host/name?sslmode=verify-full`.
    database: Database = "";
    /// File with the 32-byte key that seals secrets in the database, mode 0600.
    ///
    /// Default: `master.key` in the data directory, made at the first start. With PostgreSQL it must be given.
    master_key_file: Option<PathBuf> = "";
    /// File with the password of user `admin`, read at the first start; one newline at its end is ignored.
    ///
    /// Default: a random password, shown once.
    admin_password_file: Option<PathBuf> = "";
    /// Lets those who may create projects do so by pushing to one.
    create_project_on_push: bool = "true";
    /// How long a blob that nothing refers to is kept.
    ///
    /// Must be longer than the longest push.
    collect_grace: Duration = "1h";
    /// How long an upload may rest before it is dropped.
    upload_expiry: Duration = "24h";
    /// The largest blob accepted.
    blob_size_max: Bytes = "128GiB";
    /// Memory that all inventories of images together may take while they are made; `off` makes none.
    ///
    /// An image that needs more is refused, with that as its reason.
    inventory_memory: BytesOrOff = "256MiB";
    /// Whether the hub fetches advisories every day: `daily` or `off`.
    ///
    /// Without it the hub serves what an administrator brings with `garrison db import --hub`.
    advisories_update: Often = "daily";
    /// Feeds of advisories otherwise than by default, parted by spaces.
    ///
    /// `-NAME` leaves one out, `+NAME` takes one in, `NAME=ADDRESS` has one elsewhere, and `NAME=READER:ADDRESS` is one of your own,
    /// where the address may be a path. `garrison db feeds` lists the names.
    advisories_feeds: Choices = "";
    /// Hosts of feeds that may be in a private network or on this machine, and may be asked over plain HTTP, parted by spaces.
    ///
    /// As `mirror.corp` or `10.0.0.7:8080`. Nobody else's redirect or name leads there.
    advisories_private_hosts: PrivateHosts = "";
    /// How many connections are served at once; more wait in the backlog.
    connections_max: u32 = "4096";
    /// How long a connection may rest between two requests.
    idle_timeout: Duration = "75s";
    /// How long running requests may take to end at a stop.
    drain_timeout: Duration = "30s";
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter as `info,registry=debug`.
    log: String = "warn";
    /// Form of the log on standard error.
    log_format: LogFormat = "human";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value() {
        for setting in SETTINGS {
            assert!(setting.shown(setting.default).is_ok(), "{}", setting.key);
        }
    }

    #[test]
    fn names_come_from_the_key() {
        let setting = &SETTINGS[0];
        assert_eq!((setting.flag().as_str(), setting.variable().as_str()), ("data-dir", "GARRISON_DATA_DIR"));
        assert_eq!(
            setting.doc.lines().next(),
            Some(" Directory of the database, the blobs, the uploads and the master key.")
        );
    }
}
