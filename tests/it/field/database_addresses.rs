//! Addresses of databases as they come: every form of libpq, passwords with every character,
//! certificates, and files of SQLite. What is not honored is refused by its name.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::support::binary::{Binary, BinaryOptions, Ended, run};
use crate::support::database::Database;
use crate::support::nats::NatsServer;
use crate::support::postgres::{Durability, Postgres};
use crate::support::run_dir::scratch;

async fn command(args: &[&str], env: &[(&str, &str)]) -> Ended {
    run(BinaryOptions::command(args, env), "").await
}

/// Migrates the database at an address.
async fn migrate(url: &str, more: &[(&str, &str)]) -> Ended {
    let env = [&[("DATABASE_URL", url)], more].concat();
    command(&["migrate", "up"], &env).await
}

#[track_caller]
fn assert_done(ended: &Ended, what: &str) {
    assert!(ended.status.success(), "{what}: {ended:?}");
}

/// The check and the start refuse it with the same words, and without a secret.
async fn refused(url: &str, named: &str) {
    let mut said = Vec::new();
    for args in [&["config", "check"][..], &["serve"], &["migrate", "status"]] {
        let ended = command(args, &[("DATABASE_URL", url), ("RUST_LOG", "trace")]).await;
        assert_eq!(ended.status.code(), Some(3), "{url}: {ended:?}");
        assert!(
            ended.stderr.contains("database.url: ") && ended.stderr.contains(named),
            "{url}: {ended:?}"
        );
        assert!(!ended.stderr.contains("CANARY") && !ended.stdout.contains("CANARY"), "{url}: {ended:?}");
        said.push(ended.stderr);
    }
    assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_an_address_leads_to_the_database() {
    let postgres = Postgres::shared().await;
    let Database::Postgres { url, shared_name } = Database::empty().await else {
        panic!("PostgreSQL");
    };
    let (port, sockets) = (postgres.port(), postgres.sockets().display().to_string());
    let name = shared_name.clone().expect("a name");
    let encoded = sockets.replace('/', "%2F");
    for form in [
        format!("postgresql://watchword@127.0.0.1:{port}/{name}"),
        format!("postgres://watchword@127.0.0.1:{port}/{name}?application_name=w&sslmode=disable"),
        format!("postgres:///{name}?host=127.0.0.1&port={port}&user=watchword"),
        format!("postgres:///?host=localhost&hostaddr=127.0.0.1&port={port}&user=watchword&dbname={name}"),
        format!("postgres:///{name}?host={sockets}&port={port}&user=watchword"),
        format!("postgres://watchword@{encoded}:{port}/{name}"),
        // Over a socket libpq uses no TLS in any mode.
        format!("postgres://watchword@{encoded}:{port}/{name}?sslmode=require"),
        format!("host=127.0.0.1 port={port} user=watchword dbname='{name}'"),
        format!("host={sockets} port = {port} user=watchword dbname={name} connect_timeout=5"),
        format!("postgres://watchword@127.0.0.1:{port}/{name}?options=-c%20geqo%3Doff&options[jit]=off"),
        format!(
            "postgres://watchword@127.0.0.1:{port}/{name}?channel_binding=prefer&keepalives=1&keepalives_idle=30&\
             tcp_user_timeout=1000&target_session_attrs=read-write&gssencmode=disable&client_encoding=UTF8&\
             sslcompression=0&sslsni=1&connect_timeout=3"
        ),
    ] {
        let ended = migrate(&form, &[]).await;
        assert_done(&ended, &form);
        assert!(!ended.stderr.contains("WARN") && !ended.stderr.contains("ignoring"), "{form}: {ended:?}");
    }
    let variables = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port.to_string()),
        ("PGUSER", "watchword"),
        ("PGDATABASE", &name),
    ];
    assert_done(&migrate("postgres://", &variables).await, "the variables of libpq");
    Database::Postgres { url, shared_name }.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_may_have_every_character() {
    let mut postgres = Postgres::private(Durability::Fast).await;
    for sql in ["CREATE ROLE app LOGIN", "CREATE DATABASE app OWNER app"] {
        postgres.execute("postgres", sql).await.expect(sql);
    }
    postgres.write(
        "pg_hba.conf",
        "host all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n",
    );
    postgres.stop().await;
    postgres.start_again().await;
    let port = postgres.port();
    for (password, written) in [
        ("pa#ss?word", "pa#ss?word"),
        ("p@ss:word", "p@ss:word"),
        ("$pa {}^~[]", "$pa {}^~[]"),
        ("a+b&c=d;e", "a+b&c=d;e"),
        ("100%", "100%"),
        ("%41", "%2541"),
        ("a/b", "a%2Fb"),
        ("Straße 王芳", "Straße 王芳"),
        ("it's\\a \"word\"", "it's\\a \"word\""),
    ] {
        let quoted = password.replace('\'', "''");
        let sql = format!("ALTER ROLE app PASSWORD '{quoted}'");
        postgres.execute("postgres", &sql).await.expect("set the password");
        let url = format!("postgres://app:{written}@127.0.0.1:{port}/app");
        assert_done(&migrate(&url, &[]).await, password);
        let value = password.replace('\\', "\\\\").replace('\'', "\\'");
        let words = format!("host=127.0.0.1 port={port} user=app dbname=app password='{value}'");
        assert_done(&migrate(&words, &[]).await, &words);
        let shown = command(&["config", "show"], &[("DATABASE_URL", &url)]).await;
        assert!(!shown.stdout.contains(password) && !shown.stdout.contains(written), "{shown:?}");
    }
    // From its file, of which no line reaches a log.
    postgres
        .execute("postgres", "ALTER ROLE app PASSWORD 'CANARY1'")
        .await
        .expect("set the password");
    let file = scratch("pgpass").join("pgpass");
    std::fs::write(&file, format!("CANARY2 is no line\n127.0.0.1:{port}:app:app:CANARY1\n")).expect("write");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("make it private");
    let variables = [("PGPASSFILE", &*file.display().to_string()), ("RUST_LOG", "trace")];
    let ended = migrate(&format!("postgres://app@127.0.0.1:{port}/app"), &variables).await;
    assert_done(&ended, "a password file");
    assert!(!ended.stderr.contains("CANARY") && !ended.stdout.contains("CANARY"), "{ended:?}");

    let ended = migrate(&format!("postgres://app:CANARY3@127.0.0.1:{port}/app"), &[]).await;
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    for expected in [
        &*format!("127.0.0.1:{port}/app"),
        "the user app",
        "ALTER ROLE app PASSWORD",
    ] {
        assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
    }
    assert!(!ended.stderr.contains("CANARY"), "{ended:?}");
}

/// A server with a certificate for localhost, and the file of the authority that signed it.
async fn with_certificate() -> (Postgres, String) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = authority.self_signed(&key).expect("an authority").pem();
    let authority = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let mut postgres = Postgres::private(Durability::Fast).await;
    postgres.write("server.crt", &certificate.pem());
    postgres.write("server.key", &key.serialize_pem());
    postgres.create_database("app", None).await;
    postgres.execute("postgres", "ALTER SYSTEM SET ssl = on").await.expect("set");
    postgres.stop().await;
    postgres.start_again().await;
    let file = scratch("ca").join("ca.pem");
    std::fs::write(&file, ca).expect("write the authority");
    (postgres, file.display().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_verified_by_the_authorities_of_the_system_and_by_those_that_are_named() {
    let (postgres, ca) = with_certificate().await;
    let url = |host: &str, more: &str| format!("postgres://watchword@{host}:{}/app?{more}", postgres.port());
    let (system, none) = ([("SSL_CERT_FILE", ca.as_str())], []);
    for (host, more, env) in [
        ("localhost", "sslmode=verify-full".to_owned(), &system[..]),
        ("localhost", "sslrootcert=system".to_owned(), &system),
        ("localhost", "sslmode=verify-full&sslrootcert=system".to_owned(), &system),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ca}"), &none),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}"), &none),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={ca}"), &none),
        ("127.0.0.1", "sslmode=require".to_owned(), &none),
        ("127.0.0.1", "sslmode=allow".to_owned(), &none),
        ("127.0.0.1", "channel_binding=require".to_owned(), &none),
    ] {
        assert_done(&migrate(&url(host, &more), env).await, &more);
    }
    // Neither known, nor of this host.
    for (host, more, env) in [
        ("localhost", "sslmode=verify-full".to_owned(), &none[..]),
        ("localhost", "sslrootcert=system".to_owned(), &none),
        ("127.0.0.1", "sslmode=verify-full".to_owned(), &system),
        ("127.0.0.1", "sslmode=verify-ca".to_owned(), &none),
    ] {
        let ended = migrate(&url(host, &more), env).await;
        assert_eq!(ended.status.code(), Some(5), "{more}: {ended:?}");
        for expected in ["certificate", "sslrootcert", "SSL_CERT_FILE", host] {
            assert!(ended.stderr.contains(expected), "{more}, {expected}: {ended:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_honored_is_refused_by_its_name_and_never_shown() {
    for (url, named) in [
        ("postgres://w@127.0.0.1/w?sslpassword=CANARY1&channel_binding=require", "sslpassword"),
        ("postgres://w@127.0.0.1/w?passfile=/x/CANARY2", "PGPASSFILE"),
        ("postgres://w:CANARY3@127.0.0.1/w?service=CANARY4", "service"),
        ("postgres://w:CANARY3@a,b/w", "several hosts"),
        ("postgres://w:CANARY/3@127.0.0.1/w", "percent-encode"),
        (
            "postgres://w@127.0.0.1/w?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
            "/nowhere/ca.pem",
        ),
        ("postgres://w@127.0.0.1/w?sslmode=require&sslrootcert=system", "verify-full"),
        ("jdbc:postgresql://127.0.0.1/w?password=CANARY", "postgres://"),
        ("sqlite::memory:", "in memory"),
        ("sqlite://:memory:", "in memory"),
        ("sqlite://w.db?mode=memory", "in memory"),
        ("sqlite://w.db?mode=ro", "mode=ro"),
        ("sqlite://w.db?cache=shared&vfs=unix", "cache"),
        ("sqlite://w.db?foo=CANARY", "foo"),
        ("sqlite:", "name a file"),
    ] {
        refused(url, named).await;
    }
}

/// The permissions of a file.
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_sqlite_are_private_and_directories_are_not_made_up() {
    let (dir, nats) = (scratch("files"), NatsServer::start().await);
    let file = dir.join("w.db");
    // As a copy that was restored.
    std::fs::write(&file, "").expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("as usual");
    let url = format!("sqlite://{}?mode=rw", file.display());
    let options = BinaryOptions::serve(&[("DATABASE_URL", &url), ("NATS_URL", &nats.url())]);
    let mut binary = Binary::start(options).await;
    binary
        .http()
        .register("ada@example.com", "correct horse battery")
        .await
        .expect_status(201);
    for name in ["w.db", "w.db-wal", "w.db-shm", "w.lock"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    assert!(binary.stop().await.success());

    let missing = dir.join("nowhere/w.db");
    let ended = migrate(&format!("sqlite://{}", missing.display()), &[]).await;
    assert!(!ended.status.success() && ended.stderr.contains("does not exist"), "{ended:?}");
    assert!(!missing.parent().expect("a directory").exists());
    let ended = migrate(&format!("sqlite://{}?mode=rw", dir.join("other.db").display()), &[]).await;
    assert!(!ended.status.success() && ended.stderr.contains("there is no database"), "{ended:?}");
    let text = dir.join("text.db");
    std::fs::write(&text, "this is a text and no database at all\n".repeat(100)).expect("a file");
    let ended = migrate(&format!("sqlite://{}", text.display()), &[]).await;
    assert!(!ended.status.success() && ended.stderr.contains("is not a SQLite database"), "{ended:?}");
    let created = dir.join("created.db");
    assert_done(&migrate(&format!("sqlite:{}", created.display()), &[]).await, "a new file");
    assert_eq!(mode(&created), 0o600);
}
