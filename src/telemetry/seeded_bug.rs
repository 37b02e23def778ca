//! Bugs on purpose, by which the campaign of `tests/campaign` shows that it finds such bugs.
//!
//! Only debug builds with the feature `seeded-bugs` have them, and only the one that the variable
//! `WATCHWORD_SEEDED_BUG` names is active. In every other build they cost nothing.

/// A bug that somebody could write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeededBug {
    /// The position says that events are published which are only sent.
    PositionBeforeAcknowledgement,
    /// Publications do not name what they build upon.
    NoFence,
    /// Rows are published while an open transaction may add one before them.
    CursorPastUndecided,
    /// A stream that was filled again is filled again at the next start.
    RefillTwice,
    /// A stream that replaces a lost one begins at 1.
    FirstSeqReused,
    /// The end of the ledger stays where it was before a failover that has lost commits.
    WatermarkKept,
    /// Messages are read from any replica: what one lacks was deleted.
    LaggingReplica,
    /// The answer does not wait for the commit.
    CommitBeforeDurable,
    /// Only commits of the same process are noticed.
    LostWakeUp,
    /// The last event of a batch is not sent.
    DroppedBatchTail,
}

impl SeededBug {
    /// All bugs.
    pub const ALL: [Self; 10] = [
        Self::PositionBeforeAcknowledgement,
        Self::NoFence,
        Self::CursorPastUndecided,
        Self::RefillTwice,
        Self::FirstSeqReused,
        Self::WatermarkKept,
        Self::LaggingReplica,
        Self::CommitBeforeDurable,
        Self::LostWakeUp,
        Self::DroppedBatchTail,
    ];

    /// The value of the variable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PositionBeforeAcknowledgement => "position-before-acknowledgement",
            Self::NoFence => "no-fence",
            Self::CursorPastUndecided => "cursor-past-undecided",
            Self::RefillTwice => "refill-twice",
            Self::FirstSeqReused => "first-seq-reused",
            Self::WatermarkKept => "watermark-kept",
            Self::LaggingReplica => "lagging-replica",
            Self::CommitBeforeDurable => "commit-before-durable",
            Self::LostWakeUp => "lost-wake-up",
            Self::DroppedBatchTail => "dropped-batch-tail",
        }
    }

    /// Whether this process has the bug.
    #[cfg(all(debug_assertions, feature = "seeded-bugs"))]
    #[must_use]
    pub fn is_active(self) -> bool {
        use std::sync::LazyLock;

        static ACTIVE: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("WATCHWORD_SEEDED_BUG").ok());
        ACTIVE.as_deref() == Some(self.name())
    }

    #[cfg(not(all(debug_assertions, feature = "seeded-bugs")))]
    #[must_use]
    pub const fn is_active(self) -> bool {
        false
    }
}
