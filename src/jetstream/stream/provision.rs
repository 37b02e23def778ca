//! Creating the stream when it is missing, and verifying it when it exists. What differs from the
//! definition is reported, never overwritten: only an operator's `watchword stream apply` changes
//! an existing stream.

use std::error::Error as _;

use async_nats::jetstream::{
    Context, Error as ServerError, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind},
    stream::{Config, Info, PersistenceMode, RetentionPolicy},
};

use super::{
    definition::uncovered,
    drift::{Drift, drift},
};
use crate::jetstream::{
    connection::{ServerVersion, permissions::PermissionErrors},
    error::{ProbeError, StreamFault},
};

/// What the subjects of requests for a stream's information begin with.
pub(crate) const STREAM_INFO: &str = "$JS.API.STREAM.INFO.";

/// A stream that may take events.
#[derive(Debug)]
pub(crate) struct ProvisionedStream {
    pub(crate) info: Info,
    pub(crate) drift: Vec<Drift>,
    /// Whether it has just been created.
    pub(crate) created: bool,
}

/// Why no event can be published to the stream now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamUnusable {
    /// An operator has to act.
    #[error(transparent)]
    Fault(#[from] StreamFault),
    #[error("the stream does not exist and cannot be created: {0}")]
    Missing(ProbeError),
    /// It is not known: retry.
    #[error(transparent)]
    Later(#[from] ProbeError),
}

/// Parse the server's version and refuse one that is too old.
///
/// # Errors
///
/// [`StreamFault::ServerTooOld`], also for a version that cannot be parsed.
pub(crate) fn check_version(reported: &str) -> Result<ServerVersion, StreamFault> {
    match reported.parse::<ServerVersion>() {
        Ok(version) if version >= ServerVersion::OLDEST => Ok(version),
        _ => Err(StreamFault::ServerTooOld { found: reported.to_owned() }),
    }
}

/// Create the stream if it is missing, and verify it.
pub(crate) async fn ensure(context: &Context, desired: &Config) -> Result<ProvisionedStream, StreamUnusable> {
    ensure_or_create(context, desired, Some(desired)).await
}

async fn ensure_or_create(
    context: &Context,
    desired: &Config,
    creation: Option<&Config>,
) -> Result<ProvisionedStream, StreamUnusable> {
    match (find(context, &desired.name).await?, creation) {
        (Some(info), _) => verify(desired, info, false),
        (None, Some(creation)) => create(context, creation).await,
        (None, None) => Err(StreamUnusable::Missing(ProbeError::NoStream)),
    }
}

/// As [`ensure`], but create the stream only as `creation` says, if that is given, and stop waiting
/// as soon as the server reports that the user lacks a permission.
pub(crate) async fn ensure_permitted(
    permissions: &PermissionErrors,
    context: &Context,
    desired: &Config,
    creation: Option<&Config>,
) -> Result<ProvisionedStream, StreamUnusable> {
    const CREATE: &str = "$JS.API.STREAM.CREATE.";
    let ours = |subject: &str| subject.starts_with(CREATE) || subject.starts_with(STREAM_INFO);
    match permissions.race(ours, ensure_or_create(context, desired, creation)).await {
        Ok(ensured) => ensured,
        Err(subject) if subject.starts_with(CREATE) => Err(StreamUnusable::Missing(ProbeError::Denied(subject))),
        Err(subject) => Err(StreamFault::Denied(subject).into()),
    }
}

/// Request the stream's information: `None` when there is no such stream.
///
/// # Errors
///
/// [`StreamUnusable`] when the server does not answer.
pub(crate) async fn find(context: &Context, name: &str) -> Result<Option<Info>, StreamUnusable> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            GetStreamErrorKind::JetStream(error) => Err(refusal("stream info", &error)),
            _ => Err(unanswered(&error)),
        },
    }
}

async fn create(context: &Context, desired: &Config) -> Result<ProvisionedStream, StreamUnusable> {
    let error = match context.create_stream(desired.clone()).await {
        Ok(stream) => return verify(desired, stream.cached_info().clone(), true),
        Err(error) => error,
    };
    match error.kind() {
        CreateStreamErrorKind::TimedOut => Err(StreamUnusable::Missing(ProbeError::TimedOut("stream create"))),
        CreateStreamErrorKind::JetStreamUnavailable => Err(no_jetstream("no responders").into()),
        CreateStreamErrorKind::JetStream(error) => match error.error_code() {
            ErrorCode::STREAM_SUBJECT_OVERLAP => Err(foreign(context, desired).await),
            // Another instance has just created it, with another configuration.
            ErrorCode::STREAM_NAME_EXIST => match find(context, &desired.name).await? {
                Some(info) => verify(desired, info, false),
                None => Err(refusal("stream create", &error)),
            },
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                Err(refusal("stream create", &error))
            }
            _ => Err(StreamFault::Refused { stream: desired.name.clone(), reason: error.to_string() }.into()),
        },
        _ => Err(StreamUnusable::Missing(ProbeError::Refused {
            what: "stream create",
            reason: error.to_string(),
        })),
    }
}

/// Refuse a stream that would not take what is published, or not hold what it acknowledged;
/// everything else is drift.
fn verify(desired: &Config, info: Info, created: bool) -> Result<ProvisionedStream, StreamUnusable> {
    let config = &info.config;
    let stream = || desired.name.clone();
    let unfit = |property| StreamFault::Unfit { stream: stream(), property };
    if config.sources.as_ref().is_some_and(|sources| !sources.is_empty()) {
        return Err(unfit("sources other streams").into());
    }
    if config.retention != RetentionPolicy::Limits {
        return Err(unfit("deletes what consumers have read (retention is not `limits`)").into());
    }
    if config.max_messages_per_subject > 0 {
        return Err(unfit("keeps only some messages of each subject (max_msgs_per_subject)").into());
    }
    if config.persist_mode == Some(PersistenceMode::Async) {
        return Err(unfit("acknowledges messages before it has written them (persist_mode is `async`)").into());
    }
    if config.subject_transform.is_some() {
        return Err(unfit("changes subjects (subject_transform)").into());
    }
    if config.no_ack {
        return Err(StreamFault::NoAck(stream()).into());
    }
    if config.sealed {
        return Err(StreamFault::Sealed(stream()).into());
    }
    if config.mirror.is_some() {
        return Err(StreamFault::Mirror(stream()).into());
    }
    if let Some(subject) = uncovered(desired, config) {
        return Err(StreamFault::SubjectMissing { stream: stream(), subject: subject.to_owned() }.into());
    }
    let drift = drift(desired, config);
    Ok(ProvisionedStream { info, drift, created })
}

/// Name the stream that owns our subject, as far as this user may see it.
async fn foreign(context: &Context, desired: &Config) -> StreamUnusable {
    let mut fault = StreamFault::ForeignStream {
        stream: desired.name.clone(),
        subject: desired.subjects.join(", "),
        owner: "of another name".to_owned(),
    };
    for wanted in &desired.subjects {
        if let Ok(name) = context.stream_by_subject(wanted.clone()).await
            && name != desired.name
        {
            fault = StreamFault::ForeignStream {
                stream: desired.name.clone(),
                subject: wanted.clone(),
                owner: name,
            };
            break;
        }
    }
    fault.into()
}

fn refusal(what: &'static str, error: &ServerError) -> StreamUnusable {
    match error.error_code() {
        ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => no_jetstream(error).into(),
        _ => ProbeError::Refused { what, reason: error.to_string() }.into(),
    }
}

fn unanswered(error: &GetStreamError) -> StreamUnusable {
    let kind = error
        .source()
        .and_then(|source| source.downcast_ref::<RequestError>())
        .map(RequestError::kind);
    match kind {
        Some(RequestErrorKind::TimedOut) => ProbeError::TimedOut("stream info").into(),
        Some(RequestErrorKind::NoResponders) => no_jetstream("no responders").into(),
        _ => ProbeError::Refused { what: "stream info", reason: error.to_string() }.into(),
    }
}

fn no_jetstream(reason: impl ToString) -> StreamFault {
    StreamFault::NoJetStream(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_before_2_10_are_refused_by_name() {
        assert_eq!(check_version("2.10.0").unwrap(), ServerVersion::new(2, 10, 0));
        assert!(check_version("2.15.1").is_ok());
        for old in ["2.9.25", "1.4.1", "", "unknown"] {
            let fault = check_version(old).unwrap_err();
            assert!(fault.to_string().contains("2.10.0 or newer"), "{fault}");
        }
    }
}
