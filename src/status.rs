//! The status page: what is known, how old it is and what goes wrong, for a person in a browser.
//!
//! Owns: what the page shows of a snapshot of the store and of what pollers say, searching, sorting and paging, and how it looks
//! as HTML and as JSON. Both are made of the same [`View`].
//! Must not: know HTTP, ask Losant anything, or be on the path of a scrape.

mod entry;
mod html;
mod listing;
mod query;
mod view;
mod wording;

pub use entry::Rules;
pub use html::{CONTENT_SECURITY_POLICY, html};
pub use listing::{Listing, Selected};
pub use query::{InvalidQuery, Query, Sort};
pub use view::{Account, Exporter, View};
