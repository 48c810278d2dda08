//! What is exported, and how it is written.

pub mod negotiate;
