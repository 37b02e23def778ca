//! Forward authentication through a real nginx, with the configuration in `docs/FORWARD_AUTH.md`.

use std::fs;
use std::time::Duration;

use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Request, Route, Server, handler};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::http::Http;
use crate::support::oauth::{forgeries, revoke};
use crate::support::process::{LastSignal, ProcessSpec};
use crate::support::run_dir::{find_program, repository, scratch};
use crate::support::server::Server as TestServer;
use crate::support::wait::seen_within;

const HEADERS: [&str; 4] = ["x-auth-user-id", "x-auth-email", "x-auth-roles", "x-auth-session-id"];

/// The backend of the proxy. It responds with the request headers.
#[handler]
fn echo(request: &Request, body: Vec<u8>) -> String {
    let mut headers = Map::new();
    for (name, value) in request.headers() {
        let value = json!(String::from_utf8_lossy(value.as_bytes()));
        let previous = headers.insert(name.to_string(), value);
        assert!(previous.is_none(), "duplicate header {name}");
    }
    headers.insert("method".to_owned(), json!(request.method().as_str()));
    headers.insert("body".to_owned(), json!(body.len()));
    Value::Object(headers).to_string()
}

/// nginx in front of the echo backend, with forward authentication by the application.
struct Proxy {
    http: Http,
    _nginx: TestServer,
    backend: JoinHandle<Result<(), std::io::Error>>,
}

impl Proxy {
    async fn start(auth: u16) -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let backend_port = acceptor
            .local_addr()
            .first()
            .and_then(|address| address.as_socket_addr())
            .map(std::net::SocketAddr::port);
        let backend_port = backend_port.expect("an address");
        let server = Server::new_with_acceptor(acceptor);
        let backend = tokio::spawn(server.run(Route::new().at("/*path", echo).at("/", echo)));
        let nginx = TestServer::start(
            |port| nginx_spec(port, auth, backend_port),
            |port| async move {
                let http = Http::new(port);
                let answer = http.try_send(http.request(Method::GET, "/public/")).await;
                match answer {
                    Ok(answer) if answer.status == 200 => Ok(()),
                    Ok(answer) => Err(answer.text),
                    Err(error) => Err(error.to_string()),
                }
            },
        );
        let nginx = nginx.await;
        Self { http: Http::new(nginx.port()), _nginx: nginx, backend }
    }
}

fn nginx_spec(port: u16, auth: u16, backend: u16) -> ProcessSpec {
    let dir = scratch("nginx");
    let mut site = documented_config();
    for (from, to) in [
        ("127.0.0.1:3001", format!("127.0.0.1:{auth}")),
        ("127.0.0.1:8080", format!("127.0.0.1:{backend}")),
        ("listen 80;", format!("listen 127.0.0.1:{port};")),
    ] {
        assert_eq!(site.matches(from).count(), 1, "{from}");
        site = site.replace(from, &to);
    }
    let at = |name: &str| dir.join(name).display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {};\n", at(kind)))
        .concat();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr info;\nevents {{}}\n\
         http {{\n    access_log off;\n{temporary}{site}\n}}\n",
        at("nginx.pid"),
    );
    fs::write(dir.join("nginx.conf"), config).expect("write nginx.conf");
    let sbin = ["/usr/sbin".into(), "/usr/local/sbin".into()];
    ProcessSpec {
        name: "nginx",
        program: find_program("nginx", "WATCHWORD_NGINX", &sbin),
        args: ["-p", &at(""), "-c", &at("nginx.conf"), "-e", "stderr"].map(str::to_owned).to_vec(),
        env: None,
        log: dir.join("nginx.log"),
        user: None,
        last_signal: LastSignal::Kill,
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.backend.abort();
    }
}

/// The nginx configuration in the documentation.
fn documented_config() -> String {
    let page = fs::read_to_string(repository().join("docs/FORWARD_AUTH.md")).expect("docs/FORWARD_AUTH.md");
    let (_, after) = page.split_once("```nginx\n").expect("a configuration");
    let (config, rest) = after.split_once("```").expect("its end");
    assert!(!rest.contains("```nginx"), "one configuration");
    config.to_owned()
}

/// The four authentication headers that the backend received.
fn auth_headers(headers: &Value) -> [Option<&str>; 4] {
    HEADERS.map(|name| headers.get(name).and_then(Value::as_str))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_configuration_lets_only_authenticated_users_through() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let proxy = Proxy::start(app.port()).await;
    let http = &proxy.http;
    let answer = app.registered("j\u{f8}rn@example.com").await;
    let (tokens, id) = (answer.tokens(), answer.str("/user/id").to_owned());
    let forged = |request: reqwest::RequestBuilder| {
        let request = HEADERS.iter().fold(request, |request, name| request.header(*name, "forged"));
        request.header("X_Auth_User_Id", "forged").header("x-auth-user-id", "forged again")
    };

    // No user.
    let answer = http.get("/orders").await.expect_status(401);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="watchword""#));
    http.send(forged(http.request(Method::GET, "/orders"))).await.expect_status(401);
    for (name, token) in forgeries(&tokens.access) {
        let answer = http.get_as(&token, "/orders").await;
        assert_eq!(answer.status, 401, "{name}");
    }

    // A user. Forged headers are replaced.
    let session = tokens.session();
    let expected = [
        Some(id.as_str()),
        Some("j%C3%B8rn@example.com"),
        Some("user"),
        Some(session.as_str()),
    ];
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let request = forged(http.request(method.clone(), "/orders/7?x=1")).bearer_auth(&tokens.access);
        let answer = http.send(request.body("a".repeat(100_000))).await.expect_status(200);
        assert_eq!(auth_headers(&answer.json), expected, "{method}");
        assert_eq!(answer.json.get("method"), Some(&json!(method.as_str())));
        assert_eq!(answer.json.get("body"), Some(&json!(100_000)));
        assert!(!answer.text.contains("forged"), "{}", answer.text);
    }
    let request = forged(http.request(Method::GET, "/public/page")).bearer_auth(&tokens.access);
    let answer = http.send(request).await.expect_status(200);
    assert_eq!(auth_headers(&answer.json), [None; 4], "a public page gets no authentication headers");
    assert!(!answer.text.contains("forged"), "{}", answer.text);
    http.get_as(&tokens.access, "/_watchword").await.expect_status(404);

    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_session_is_refused_within_a_second_and_an_outage_refuses_everyone() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let proxy = Proxy::start(app.port()).await;
    let http = proxy.http.clone();
    let tokens = app.registered("ada@example.com").await.tokens();
    let other = app.login("ada@example.com", PASSWORD).await.tokens();
    http.get_as(&tokens.access, "/").await.expect_status(200);
    revoke(&app, &tokens.refresh).await.expect_status(200);
    seen_within(Duration::from_secs(1), || async {
        let status = http.get_as(&tokens.access, "/").await.status.as_u16();
        if status == 401 { Ok(()) } else { Err(status) }
    })
    .await;
    http.get_as(&other.access, "/").await.expect_status(200);

    app.finish().await;
    http.get_as(&other.access, "/").await.expect_status(500);
    http.get("/").await.expect_status(500);
    http.get("/public/").await.expect_status(200);
}
