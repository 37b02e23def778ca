//! Real reverse proxies, with the configurations of the documents.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;

use super::http::Http;
use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, repository, scratch};
use super::server::Server;

/// A kind of proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebProxy {
    Nginx,
    Caddy,
    Haproxy,
    Envoy,
}

impl WebProxy {
    /// Those that are installed: all but Envoy have to be.
    pub(crate) fn installed() -> Vec<Self> {
        let mut proxies = vec![Self::Nginx, Self::Caddy, Self::Haproxy];
        match envoy() {
            Some(_) => proxies.push(Self::Envoy),
            None => skip("Envoy is not installed"),
        }
        proxies
    }

    /// The title of its section in the documents, and the language of its block there.
    const fn section(self) -> (&'static str, &'static str) {
        match self {
            Self::Nginx => ("nginx", "nginx"),
            Self::Caddy => ("Caddy", "caddyfile"),
            Self::Haproxy => ("HAProxy", "haproxy"),
            Self::Envoy => ("Envoy", "yaml"),
        }
    }

    /// Where it listens in the documents, and on this port in a test.
    fn listens(self, port: u16) -> (&'static str, String) {
        match self {
            Self::Nginx => ("listen 80;", format!("listen 127.0.0.1:{port};")),
            Self::Caddy => ("http:// {", format!("http://:{port} {{\n\tbind 127.0.0.1")),
            Self::Haproxy => ("bind :80", format!("bind 127.0.0.1:{port}")),
            Self::Envoy => ("address: 0.0.0.0, port_value: 80", format!("address: 127.0.0.1, port_value: {port}")),
        }
    }

    /// The configuration in its section of a document.
    pub(crate) fn documented(self, document: &str) -> String {
        self.blocks(document).swap_remove(0)
    }

    /// The blocks of its language in its section of a document.
    pub(crate) fn blocks(self, document: &str) -> Vec<String> {
        let page = fs::read_to_string(repository().join(document)).expect(document);
        let (title, language) = self.section();
        let (_, section) = page.split_once(&format!("\n## {title}\n")).expect("a section");
        let section = section.split("\n## ").next().unwrap_or_default();
        let fence = format!("```{language}\n");
        let opened = section.split(&fence).skip(1);
        let blocks: Vec<String> = opened.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect();
        assert!(!blocks.is_empty(), "{document} has no configuration for {self:?}");
        blocks
    }

    /// The configuration in a document, in front of a service on this port.
    pub(crate) fn documented_for(self, document: &str, service: u16) -> String {
        let text = self.documented(document);
        let (from, to) = match self {
            Self::Envoy => ("port_value: 3001", format!("port_value: {service}")),
            _ => ("127.0.0.1:3001", format!("127.0.0.1:{service}")),
        };
        assert!(text.contains(from), "{text}");
        text.replace(from, &to)
    }

    /// Starts it with a configuration, in which it listens as in the documents. `probe` is a path
    /// that it answers with 200.
    pub(crate) async fn start(self, configuration: &str, probe: &'static str) -> Server {
        let spec = |port| {
            let (from, to) = self.listens(port);
            assert_eq!(configuration.matches(from).count(), 1, "{from}");
            self.spec(&configuration.replace(from, &to))
        };
        let server = Server::start(spec, move |port| async move {
            let http = Http::new(port);
            match http.try_send(http.request(Method::GET, probe)).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{} {}", answer.status, answer.text)),
                Err(error) => Err(error.to_string()),
            }
        });
        server.await
    }

    fn spec(self, site: &str) -> ProcessSpec {
        let dir = scratch("web-proxy");
        let file = dir.join(if self == Self::Envoy {
            "proxy.yaml"
        } else {
            "proxy.conf"
        });
        let at = |name: &str| dir.join(name).display().to_string();
        let sbin = ["/usr/sbin".into(), "/usr/local/sbin".into()];
        let find = |program, variable| find_program(program, variable, &sbin);
        let (name, program, args, text) = match self {
            Self::Nginx => (
                "nginx",
                find("nginx", "WATCHWORD_NGINX"),
                vec![
                    "-p".to_owned(),
                    at(""),
                    "-c".to_owned(),
                    at("proxy.conf"),
                    "-e".to_owned(),
                    "stderr".to_owned(),
                ],
                nginx(&dir, site),
            ),
            Self::Caddy => (
                "caddy",
                find("caddy", "WATCHWORD_CADDY"),
                ["run", "--adapter", "caddyfile", "--config"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([at("proxy.conf")])
                    .collect(),
                format!("{{\n\tadmin off\n\tauto_https off\n}}\n\n{site}"),
            ),
            Self::Haproxy => (
                "haproxy",
                find("haproxy", "WATCHWORD_HAPROXY"),
                vec!["-db".to_owned(), "-f".to_owned(), at("proxy.conf")],
                format!("global\n    maxconn 200\n\n{site}"),
            ),
            Self::Envoy => (
                "envoy",
                envoy().expect("Envoy"),
                ["--concurrency", "1", "--disable-hot-restart", "-l", "warning", "-c"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([at("proxy.yaml")])
                    .collect(),
                site.to_owned(),
            ),
        };
        fs::write(&file, text).expect("write the configuration");
        ProcessSpec {
            name,
            program,
            args,
            env: Some(environment(&dir)),
            log: dir.join("proxy.log"),
            user: None,
            last_signal: LastSignal::Kill,
        }
    }
}

fn environment(dir: &Path) -> Vec<(String, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    let dir = dir.display().to_string();
    [
        ("PATH", path),
        ("HOME", dir.clone()),
        ("XDG_DATA_HOME", dir.clone()),
        ("XDG_CONFIG_HOME", dir),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A whole configuration of nginx with this content of its `http` block.
fn nginx(dir: &Path, site: &str) -> String {
    let at = |name: &str| dir.join(name).display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {};\n", at(kind)))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr info;\nevents {{}}\n\
         http {{\n    access_log off;\n{temporary}{site}\n}}\n",
        at("nginx.pid"),
    )
}

/// Where Chromium is, if it is installed.
pub(crate) fn chromium() -> Option<PathBuf> {
    on_path(&["chromium", "chromium-browser", "google-chrome"])
}

/// Where Envoy is, if it is installed.
fn envoy() -> Option<PathBuf> {
    let own = repository().join(".tools/envoy/envoy/_bin/envoy");
    on_path(&["envoy"]).or_else(|| own.is_file().then_some(own))
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|directory| names.iter().map(move |name| directory.join(name)))
        .find(|file| file.is_file())
}

/// Says what is not tried.
#[expect(clippy::print_stderr, reason = "prints what is not run")]
pub(crate) fn skip(what: &str) {
    eprintln!("not run: {what}");
}
