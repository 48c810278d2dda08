//! What is exported, and how it is written.
//!
//! Owns: the catalogue of usage families, the page that is made of a snapshot of the store when that has changed, both text
//! formats, compression, metrics of the process and of this exporter that belong to no other part.
//! Must not: poll, or know HTTP. Nothing on the path of a scrape grows with the number of scopes.

pub mod catalogue;
mod column;
mod deflate;
mod economy;
pub mod encoding;
mod exposition;
mod family;
mod filter;
mod line;
pub mod negotiate;
mod overview;
mod own;
mod page;
mod preference;
pub mod process;
mod renderer;
mod sheet;
mod shown;
mod text;
pub mod vocabulary;

pub use exposition::{Metrics, ScrapeBody, ScrapeError};
pub use family::Group;
pub use filter::{Filter, InvalidFilter};
pub use renderer::{RenderConfig, RenderError, Renderer};

#[cfg(test)]
mod economy_tests;
#[cfg(test)]
mod exposition_tests;
#[cfg(test)]
mod renderer_tests;
