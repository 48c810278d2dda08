//! The real process where all around it is hostile: it is killed, told to end while everybody scrapes, has no room on its disk, a
//! wall clock that jumps, names that do not resolve, a network that is cut, and a Losant that answers anything.
//!
//! These take real time, some of them minutes: those are ignored, and `make kill` runs all.

mod bodies;
mod certificate;
mod chamber;
mod clock;
mod disk;
mod front;
mod killed;
mod names;
mod namespaces;
mod network;
mod process;
mod site;
mod told_to_end;
