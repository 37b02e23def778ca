//! Failovers of PostgreSQL and Redis: a copy takes the place of the server, and lacks what was
//! written last.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::instance::{Instance, Server};
use crate::support::database::Database;
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;
use crate::support::wait::within;
use crate::world::DATABASE;

use super::Nemesis;

/// How long a replica may take for its first copy.
const COPY_TIMEOUT: Duration = Duration::from_secs(20);

impl Nemesis<'_> {
    fn all_links(&self, server: Server) -> impl Iterator<Item = &Proxy> {
        self.world.instances.iter().filter_map(move |instance: &Instance| instance.link(server))
    }

    /// Copies the primary, which stops for that and waits for its clients. The standby receives
    /// nothing more.
    pub(super) async fn copy_primary(&mut self) -> Option<Postgres> {
        self.all_links(Server::Postgres).for_each(Proxy::cut);
        let standby = match &mut self.world.postgres {
            Some(postgres) => Some(postgres.standby().await),
            None => None,
        };
        self.all_links(Server::Postgres).for_each(Proxy::heal);
        standby
    }

    /// Ends the primary, and promotes the standby: the commits in between are lost.
    pub(super) async fn promote(&mut self, standby: Postgres) {
        self.all_links(Server::Postgres).for_each(Proxy::cut);
        let before = self.world.database.ledger().await.expect("the ledger of the primary");
        if let Some(mut primary) = self.world.postgres.take() {
            primary.crash().await;
        }
        standby.promote().await;
        let database = Database::Postgres { url: standby.url(DATABASE), shared_name: None };
        let after = database.ledger().await.expect("the ledger of the standby");
        let kept: BTreeSet<_> = after.iter().map(|row| row.id).collect();
        let end = after.last().map_or(0, |row| row.seq);
        let lost: Vec<_> = before.into_iter().filter(|row| !kept.contains(&row.id)).collect();
        self.note(format!("  {} commits with events behind row {end} are lost", lost.len()));
        // Before anyone can see it.
        self.history.loses(&lost, end);
        self.checker.reads(database.clone());
        self.world.has_lost_commits = true;
        self.world.database = database;
        for proxy in self.all_links(Server::Postgres) {
            proxy.lead_to(standby.port());
            proxy.heal();
        }
        self.world.postgres = Some(standby);
    }

    /// Starts a replica, and waits until it has what the master has.
    pub(super) async fn start_replica(&mut self) -> Option<RedisServer> {
        let port = self.world.redis.as_ref()?.port();
        // Another master would wait five seconds for more replicas.
        self.redis("CONFIG SET repl-diskless-sync-delay 0").await;
        let replica = RedisServer::start().await;
        replica
            .command(&format!("REPLICAOF 127.0.0.1 {port}"))
            .await
            .expect("a command of the campaign");
        let copied = within(COPY_TIMEOUT, || async {
            let state = replica.command("INFO replication").await.unwrap_or_default();
            state.contains("master_link_status:up")
        });
        copied.await.expect("a copy of Redis");
        Some(replica)
    }

    /// Ends the master, and promotes the replica.
    pub(super) async fn promote_replica(&mut self, replica: RedisServer) {
        self.world.redis = None;
        replica.command("REPLICAOF NO ONE").await.expect("a command of the campaign");
        for proxy in self.all_links(Server::Redis) {
            proxy.lead_to(replica.port());
            proxy.reset_connections();
        }
        self.world.redis = Some(replica);
    }
}
