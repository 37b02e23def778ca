//! The kinds of faults.

use crate::instance::{Server, faketime};
use crate::support::database::Backend;
use crate::world::Setting;

/// How long a fault lasts that outlasts every timeout: the lease of a leader ends after ten
/// seconds.
pub(super) const OUTLASTING: (u64, u64) = (12_000, 14_000);

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SIGKILL of an instance.
    InstanceKilled,
    /// An instance ends at a named point, such as between a commit and its answer.
    InstanceCrashed,
    /// SIGSTOP of an instance, sometimes for longer than any timeout.
    InstancePaused,
    /// The leader stops with events in hand, and wakes after another one has taken its place.
    InstanceFrozen,
    /// SIGTERM under load.
    InstanceStopped,
    /// Every instance is stopped and started, one after the other.
    RollingRestart,
    /// The same with a schema that a newer version has extended.
    SchemaExtended,
    /// The clock of an instance is ahead, or behind.
    ClocksApart,
    NatsKilled,
    NatsPaused,
    /// One of three is killed, mostly the one that leads the stream.
    NatsNodeKilled,
    NatsNodePaused,
    /// Another one of three leads the stream.
    NatsLeaderMoved,
    /// Instances start while they reach only a replica that lacks the last messages.
    NatsReplicaBehind,
    /// An older store is put back.
    StreamTailLost,
    StreamDeleted,
    /// Deleted, and created by somebody else.
    StreamReplaced,
    StreamPurged,
    /// One message is deleted.
    StreamEdited,
    /// Full, and refuses what is new.
    StreamFull,
    /// Another publisher.
    StreamShared,
    PostgresKilled,
    PostgresPaused,
    PostgresReadOnly,
    SessionsTerminated,
    /// A standby is promoted that lacks the last commits.
    PostgresPromoted,
    /// Under SQLite, writes fail that make a file larger.
    DiskFull,
    RedisKilled,
    RedisPaused,
    RedisFlushed,
    RedisReadOnly,
    /// A replica is promoted.
    RedisFailedOver,
    MailKilled,
    /// The mail server hangs.
    MailPaused,
    /// A link between instances and a server.
    Link(Server, LinkFault),
}

/// What can happen to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkFault {
    /// Each side vanishes for the other without a word. New connections work.
    Silent,
    /// Everything arrives late, when the fault is over.
    Stalled,
    /// Connections end, and new ones are refused.
    Cut,
    Delayed,
    /// Everything arrives in small slices.
    Sliced,
    /// Requests take effect, and their answers are lost.
    Unanswered,
}

const LINK_FAULTS: [LinkFault; 6] = [
    LinkFault::Silent,
    LinkFault::Stalled,
    LinkFault::Cut,
    LinkFault::Delayed,
    LinkFault::Sliced,
    LinkFault::Unanswered,
];

/// What a fault takes away. Two faults of one scope do not happen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Instance,
    Nats,
    Database,
    Redis,
    Mail,
}

impl Kind {
    /// Returns all kinds.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::InstanceKilled,
            Self::InstanceCrashed,
            Self::InstancePaused,
            Self::InstanceFrozen,
            Self::InstanceStopped,
            Self::RollingRestart,
            Self::SchemaExtended,
            Self::ClocksApart,
            Self::NatsKilled,
            Self::NatsPaused,
            Self::NatsNodeKilled,
            Self::NatsNodePaused,
            Self::NatsLeaderMoved,
            Self::NatsReplicaBehind,
            Self::StreamTailLost,
            Self::StreamDeleted,
            Self::StreamReplaced,
            Self::StreamPurged,
            Self::StreamEdited,
            Self::StreamFull,
            Self::StreamShared,
            Self::PostgresKilled,
            Self::PostgresPaused,
            Self::PostgresReadOnly,
            Self::SessionsTerminated,
            Self::PostgresPromoted,
            Self::DiskFull,
            Self::RedisKilled,
            Self::RedisPaused,
            Self::RedisFlushed,
            Self::RedisReadOnly,
            Self::RedisFailedOver,
            Self::MailKilled,
            Self::MailPaused,
        ];
        for server in [Server::Nats, Server::Postgres, Server::Redis] {
            all.extend(LINK_FAULTS.map(|fault| Self::Link(server, fault)));
        }
        all
    }

    /// Returns the name in options and tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InstanceKilled => "instance-killed",
            Self::InstanceCrashed => "instance-crashed",
            Self::InstancePaused => "instance-paused",
            Self::InstanceFrozen => "instance-frozen",
            Self::InstanceStopped => "instance-stopped",
            Self::RollingRestart => "rolling-restart",
            Self::SchemaExtended => "schema-extended",
            Self::ClocksApart => "clocks-apart",
            Self::NatsKilled => "nats-killed",
            Self::NatsPaused => "nats-paused",
            Self::NatsNodeKilled => "nats-node-killed",
            Self::NatsNodePaused => "nats-node-paused",
            Self::NatsLeaderMoved => "nats-leader-moved",
            Self::NatsReplicaBehind => "nats-replica-behind",
            Self::StreamTailLost => "stream-tail-lost",
            Self::StreamDeleted => "stream-deleted",
            Self::StreamReplaced => "stream-replaced",
            Self::StreamPurged => "stream-purged",
            Self::StreamEdited => "stream-edited",
            Self::StreamFull => "stream-full",
            Self::StreamShared => "stream-shared",
            Self::PostgresKilled => "postgres-killed",
            Self::PostgresPaused => "postgres-paused",
            Self::PostgresReadOnly => "postgres-read-only",
            Self::SessionsTerminated => "postgres-sessions-terminated",
            Self::PostgresPromoted => "postgres-promoted",
            Self::DiskFull => "disk-full",
            Self::RedisKilled => "redis-killed",
            Self::RedisPaused => "redis-paused",
            Self::RedisFlushed => "redis-flushed",
            Self::RedisReadOnly => "redis-read-only",
            Self::RedisFailedOver => "redis-failed-over",
            Self::MailKilled => "mail-killed",
            Self::MailPaused => "mail-paused",
            Self::Link(server, fault) => link_name(server, fault),
        }
    }

    /// Returns what the fault takes away.
    pub(crate) const fn scope(self) -> Scope {
        match self {
            Self::InstanceKilled
            | Self::InstanceCrashed
            | Self::InstancePaused
            | Self::InstanceFrozen
            | Self::InstanceStopped
            | Self::RollingRestart
            | Self::SchemaExtended
            | Self::ClocksApart
            | Self::NatsReplicaBehind => Scope::Instance,
            Self::NatsKilled
            | Self::NatsPaused
            | Self::NatsNodeKilled
            | Self::NatsNodePaused
            | Self::NatsLeaderMoved
            | Self::StreamTailLost
            | Self::StreamDeleted
            | Self::StreamReplaced
            | Self::StreamPurged
            | Self::StreamEdited
            | Self::StreamFull
            | Self::StreamShared
            | Self::Link(Server::Nats, _) => Scope::Nats,
            Self::PostgresKilled
            | Self::PostgresPaused
            | Self::PostgresReadOnly
            | Self::SessionsTerminated
            | Self::PostgresPromoted
            | Self::DiskFull
            | Self::Link(Server::Postgres, _) => Scope::Database,
            Self::RedisKilled
            | Self::RedisPaused
            | Self::RedisFlushed
            | Self::RedisReadOnly
            | Self::RedisFailedOver
            | Self::Link(Server::Redis, _) => Scope::Redis,
            Self::MailKilled | Self::MailPaused => Scope::Mail,
        }
    }

    /// Whether a round has what the fault breaks.
    pub(crate) fn is_for(self, setting: Setting) -> bool {
        let is_postgres = setting.backend == Backend::Postgres;
        match self {
            Self::NatsNodeKilled | Self::NatsNodePaused | Self::NatsLeaderMoved | Self::NatsReplicaBehind => {
                setting.is_cluster
            }
            // Of a cluster, one server at a time.
            Self::NatsKilled | Self::NatsPaused | Self::StreamTailLost => !setting.is_cluster,
            Self::DiskFull => !is_postgres,
            Self::InstanceFrozen => is_postgres,
            Self::ClocksApart => faketime().is_some(),
            _ => is_postgres || matches!(self.scope(), Scope::Instance | Scope::Nats | Scope::Mail),
        }
    }

    /// Whether nothing else is broken at the same time.
    pub(crate) const fn is_alone(self) -> bool {
        matches!(self, Self::NatsReplicaBehind)
    }

    /// Whether it counts as a kill.
    pub(crate) const fn is_kill(self) -> bool {
        matches!(self, Self::InstanceKilled | Self::InstanceCrashed)
    }

    /// How often it is chosen, in comparison.
    pub(crate) const fn weight(self) -> usize {
        match self {
            Self::InstanceKilled => 40,
            Self::InstanceCrashed => 20,
            // Of the rounds with three servers alone.
            Self::NatsNodeKilled | Self::NatsNodePaused | Self::NatsLeaderMoved | Self::NatsReplicaBehind => 15,
            // Of those with SQLite alone.
            Self::DiskFull => 10,
            Self::RollingRestart | Self::SchemaExtended | Self::InstanceFrozen | Self::Link(..) => 3,
            _ => 5,
        }
    }

    /// How long it lasts, in milliseconds.
    pub(crate) const fn lasts(self) -> (u64, u64) {
        match self {
            Self::InstanceKilled | Self::StreamTailLost => (0, 1500),
            Self::InstanceCrashed => (200, 3000),
            Self::InstanceFrozen => OUTLASTING,
            // The instance starts in this time.
            Self::ClocksApart => (2000, 5000),
            Self::InstancePaused
            | Self::NatsPaused
            | Self::NatsNodePaused
            | Self::PostgresPaused
            | Self::MailPaused
            | Self::Link(..) => (200, 4000),
            Self::NatsKilled | Self::NatsNodeKilled | Self::PostgresKilled | Self::RedisKilled | Self::StreamFull => {
                (0, 3000)
            }
            Self::PostgresPromoted => (1000, 6000),
            Self::DiskFull => (500, 4000),
            // The instances start in this time.
            Self::NatsReplicaBehind => (2000, 4000),
            Self::RedisFailedOver => (200, 2000),
            _ => (0, 1000),
        }
    }

    /// Whether it sometimes lasts longer than any timeout.
    pub(crate) const fn may_outlast_timeouts(self) -> bool {
        matches!(
            self,
            Self::InstancePaused
                | Self::NatsPaused
                | Self::NatsNodePaused
                | Self::NatsKilled
                | Self::NatsNodeKilled
                | Self::Link(_, LinkFault::Stalled)
        )
    }
}

const fn link_name(server: Server, fault: LinkFault) -> &'static str {
    macro_rules! names {
        ($server:literal) => {
            match fault {
                LinkFault::Silent => concat!($server, "-link-silent"),
                LinkFault::Stalled => concat!($server, "-link-stalled"),
                LinkFault::Cut => concat!($server, "-link-cut"),
                LinkFault::Delayed => concat!($server, "-link-delayed"),
                LinkFault::Sliced => concat!($server, "-link-sliced"),
                LinkFault::Unanswered => concat!($server, "-link-unanswered"),
            }
        };
    }
    match server {
        Server::Nats => names!("nats"),
        Server::Postgres => names!("postgres"),
        Server::Redis => names!("redis"),
    }
}
