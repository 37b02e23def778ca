use std::fs;

use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, scratch};
use super::server::{Server, deref_to_server};

/// A ClickHouse server with its HTTP interface.
pub(crate) struct ClickHouse {
    server: Server,
}

deref_to_server!(ClickHouse);

impl ClickHouse {
    pub(crate) async fn start() -> Self {
        let server = Server::start(spec, |port| async move {
            let answer = reqwest::get(format!("http://127.0.0.1:{port}/ping")).await;
            answer.map(drop).map_err(|error| error.to_string())
        });
        Self { server: server.await }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// Runs a query, and returns the lines of the result.
    pub(crate) async fn query(&self, query: &str) -> String {
        let request = reqwest::Client::new().post(self.url()).basic_auth(USER, Some(PASSWORD));
        let response = request.body(query.to_owned()).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{query}: {text}");
        text.trim_end().to_owned()
    }
}

fn spec(port: u16) -> ProcessSpec {
    let directory = scratch("clickhouse");
    for name in ["data", "tmp", "user_files", "format_schemas"] {
        fs::create_dir(directory.join(name)).unwrap();
    }
    let path = directory.display();
    // `yandex` is how old servers want it, and new ones still take it.
    let config = format!(
        "<yandex>
            <logger><level>warning</level><console>1</console></logger>
            <listen_host>127.0.0.1</listen_host>
            <http_port>{port}</http_port>
            <path>{path}/data/</path>
            <tmp_path>{path}/tmp/</tmp_path>
            <user_files_path>{path}/user_files/</user_files_path>
            <format_schema_path>{path}/format_schemas/</format_schema_path>
            <mark_cache_size>67108864</mark_cache_size>
            <users_config>users.xml</users_config>
            <default_profile>default</default_profile>
            <default_database>default</default_database>
        </yandex>"
    );
    fs::write(directory.join("config.xml"), config).unwrap();
    fs::write(directory.join("users.xml"), USERS).unwrap();
    ProcessSpec {
        name: "clickhouse-server",
        program: find_program("clickhouse-server", "WATCHWORD_CLICKHOUSE_SERVER", &["/usr/sbin".into()]),
        args: vec![format!("--config-file={path}/config.xml")],
        env: None,
        log: directory.join("clickhouse.log"),
        user: None,
        last_signal: LastSignal::Kill,
    }
}

pub(crate) const USER: &str = "watchword";
pub(crate) const PASSWORD: &str = "clickhouse-test";

const USERS: &str = "<yandex>
    <profiles><default></default></profiles>
    <quotas><default></default></quotas>
    <users><watchword>
        <password>clickhouse-test</password>
        <networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
    </watchword></users>
</yandex>";
