//! Losant's answers as they come over the wire.
//!
//! Plain structs. Whatever Losant may leave out is an `Option` and means "not reported", never zero; unknown fields are
//! ignored; unknown payload types, counters and limits are carried through. A field of the wrong type is an
//! [`Unexpected`] that names the field.

mod counts;
mod fields;
mod historical;
mod instance;
mod org;
mod page;
mod sandbox;
mod summary;

pub use counts::{DeviceDay, NotebookDay, PayloadBucket, PayloadStats, Series, payload_stats};
pub use fields::Unexpected;
pub use historical::{HistoricalSummary, OwnerType, ResourceType};
pub use instance::Instance;
pub use org::{DisabledAt, Org, Tag};
pub use page::{Listed, Page, Skipped};
pub use sandbox::Sandbox;
pub use summary::{Limits, NotebookStats, StorageStats, Summary};

#[cfg(test)]
#[path = "wire/claims_tests.rs"]
mod claims_tests;
