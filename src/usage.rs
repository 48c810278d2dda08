//! The domain: what is counted, for whom, over which span of time.
//!
//! Owns: ids, levels, payload types, UTC windows, what is known of them, billing periods, and the readings that polls produce.
//! Must not: do I/O, know how Losant spells things on the wire, or know how metrics are written.

mod buckets;
mod collector;
mod coverage;
mod id;
mod payload_type;
mod period;
mod reading;
mod scope;
mod shard;
mod sum;
mod window;

pub use buckets::Buckets;
pub use collector::Collector;
pub use coverage::Coverage;
pub use id::{Id, InvalidId};
pub use payload_type::PayloadType;
pub use period::BillingPeriod;
pub use reading::{Label, Labels, MAX_LABEL_BYTES, Measure, Reading, Sample};
pub use scope::{Level, Scope};
pub use shard::{InvalidShard, Shard};
pub use sum::{sum, sum_of_known};
pub use window::{Window, Windows};
