//! Work whose instructions are counted under callgrind: a number that does not depend on what else the machine does.
//!
//! `scripts/instructions` runs it. By itself it does the work once and prints nothing.

#![expect(unreachable_pub, reason = "the module is shared with the other bench")]
#![expect(clippy::expect_used, reason = "a measurement ends where it cannot be made")]

#[path = "work/fleet.rs"]
#[expect(dead_code, reason = "the other bench uses more of it")]
mod fleet;

use std::hint::black_box;

/// What is counted: callgrind looks for functions of these names.
#[inline(never)]
fn counted_render(store: &losant_exporter::store::Store) {
    drop(black_box(fleet::page(black_box(store))));
}

#[inline(never)]
fn counted_decode(body: &[u8]) {
    drop(black_box(fleet::decode(black_box(body))));
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("render") => counted_render(&fleet::store(10_000)),
        Some("decode") => counted_decode(&fleet::list()),
        _ => {}
    }
}
