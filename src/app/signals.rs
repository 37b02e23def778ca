//! SIGTERM and SIGINT: the first stops the service in order, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::AppError;

/// The exit code after the second signal.
const INTERRUPTED: i32 = 130;

/// Return a token that the first SIGTERM or SIGINT cancels.
///
/// # Errors
/// The system refuses the signal handlers.
pub fn stop_on_signals() -> Result<CancellationToken, AppError> {
    let stop = CancellationToken::new();
    let handler = |kind| signal(kind).map_err(|error| AppError::argument("signals", error));
    let (mut terminate, mut interrupt) = (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
    let token = stop.clone();
    tokio::spawn(async move {
        for round in 0.. {
            tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
            if round > 0 {
                std::process::exit(INTERRUPTED);
            }
            tracing::info!("stopping after in-flight requests; a second signal ends the process");
            token.cancel();
        }
    });
    Ok(stop)
}
