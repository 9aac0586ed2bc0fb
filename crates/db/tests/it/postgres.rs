use garrison_db::{Config, Db, Error};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use testkit::{Database, Postgres, Settings, run};

use crate::support::{config, names, put};

async fn open(url: &str) -> Result<Db, Error> {
    Db::open(&Config::Postgres { url: url.to_owned() }).await
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    run(async {
        let error = open("postgres://127.0.0.1:1/garrison").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(error.hint(), Some("check that the database runs and can be reached from here, then try again"));
    });
}

#[test]
fn a_backup_is_the_servers_own_matter() {
    run(async {
        let Some(database) = Database::postgres().await else { return };
        let db = Db::open(&config(&database)).await.unwrap();
        let error = db.backup_to("anywhere").await.unwrap_err();
        assert_eq!(error.hint(), Some("use pg_dump or the backups of your database service"));
    });
}

/// Connections that the server cut are replaced without a caller noticing.
#[test]
fn cut_connections_are_replaced() {
    run(async {
        let Some(database) = Database::postgres().await else { return };
        let db = Db::open(&config(&database)).await.unwrap();
        put(&db, "a").await.unwrap();
        let Database::Postgres(fresh) = &database else { panic!("asked for PostgreSQL") };
        let (client, connection) = tokio_postgres::connect(fresh.url(), tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        for round in 0..5 {
            let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            client.execute(cut, &[]).await.unwrap();
            put(&db, &format!("{round}")).await.unwrap();
            assert_eq!(names(&db).await.len(), round + 2);
        }
        drop(client);
        connection.await.unwrap().unwrap();
    });
}

/// Returns an authority and a server certificate for `name`, with its key, as PEM.
fn certificates(name: &str) -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    (authority.pem(), server.pem(), key.serialize_pem())
}

/// Starts a server on a port of this machine. Another may take a free port between the look for it and the start; then the next one is
/// tried.
fn start_on_a_port(settings: impl Fn(u16) -> Settings) -> (Postgres, u16) {
    let mut failures = Vec::new();
    for _ in 0..5 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        match Postgres::start(&settings(port)) {
            Ok(server) => return (server, port),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    panic!("no server starts: {failures:#?}");
}

#[test]
fn tls_checks_who_answers() {
    let (authority, certificate, key) = certificates("localhost");
    let (stranger, _, _) = certificates("localhost");
    if Postgres::shared().is_err() {
        return;
    }
    let (_server, port) = start_on_a_port(|port| Settings {
        lines: vec!["listen_addresses = '127.0.0.1'".to_owned(), format!("port = {port}"), "ssl = on".to_owned()],
        files: vec![("server.crt".to_owned(), certificate.clone()), ("server.key".to_owned(), key.clone())],
    });
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let (ours, theirs, broken) = (write("ours", &authority), write("theirs", &stranger), write("broken", "no PEM"));
    run(async {
        for mode in ["sslmode=verify-full&", "sslmode=require&", ""] {
            let url = |host: &str, roots: &str| {
                format!("postgres://postgres@{host}:{port}/postgres?{mode}sslrootcert={roots}")
            };
            let stranger = open(&url("localhost", &theirs)).await.unwrap_err();
            assert!(matches!(stranger, Error::Unavailable { .. }), "{mode} {stranger:?}");
            let other_name = open(&url("127.0.0.1", &ours)).await.unwrap_err();
            assert!(matches!(other_name, Error::Unavailable { .. }), "{mode} {other_name:?}");
            let no_roots = open(&url("localhost", &broken)).await.unwrap_err();
            assert_eq!(
                no_roots.to_string(),
                format!("database URL is not usable: sslrootcert `{broken}` holds no certificate")
            );
            open(&url("localhost", &ours)).await.unwrap().close().await;
        }
        let platform =
            open(&format!("postgres://postgres@localhost:{port}/postgres?sslmode=require")).await.unwrap_err();
        assert!(matches!(platform, Error::Unavailable { .. }), "{platform:?}");
    });
}

/// A server without TLS is not talked to when TLS is asked for.
#[test]
fn tls_is_never_given_up() {
    if Postgres::shared().is_err() {
        return;
    }
    let (_server, port) = start_on_a_port(|port| Settings {
        lines: vec!["listen_addresses = '127.0.0.1'".to_owned(), format!("port = {port}")],
        files: vec![],
    });
    run(async {
        let plain = format!("postgres://postgres@localhost:{port}/postgres");
        let error = open(&format!("{plain}?sslmode=require")).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        open(&plain).await.unwrap();
    });
}
