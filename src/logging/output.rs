//! How events become lines, in the format of the moment.
//!
//! Owns: that the format can change while spans are open. Both formats hear of every span, since what they write of it at an
//! event is what they noted when it began; only one of them writes the event.
//! Must not: know which events there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Two layers of which one writes.
pub(super) struct Output<L, J> {
    pub(super) logfmt: L,
    pub(super) json: J,
    pub(super) is_json: Arc<AtomicBool>,
}

impl<S, L, J> Layer<S> for Output<L, J>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    L: Layer<S>,
    J: Layer<S>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.logfmt.on_new_span(attributes, id, context.clone());
        self.json.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.logfmt.on_record(id, values, context.clone());
        self.json.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.is_json.load(Ordering::Relaxed) {
            self.json.on_event(event, context);
        } else {
            self.logfmt.on_event(event, context);
        }
    }
}
