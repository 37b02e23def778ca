//! One line per event, none per span.

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

/// Forwards events to the inner layer, and no spans. The bunyan layer writes a line whenever a span
/// starts and ends; a request would make three lines, of which one is of interest.
#[derive(Debug)]
pub(super) struct EventsOnly<L>(pub(super) L);

impl<S, L> Layer<S> for EventsOnly<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    L: Layer<S>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.0.on_event(event, context);
    }
}
