//! What single pieces of work cost: making a page, compressing it, publishing a reading, decoding a list.
//!
//! `cargo bench --bench work`; a word behind `--` selects benches whose names hold it.

#![expect(unreachable_pub, reason = "the module is shared with the other bench")]
#![expect(clippy::expect_used, reason = "a measurement ends where it cannot be made")]

#[path = "work/fleet.rs"]
mod fleet;

use std::hint::black_box;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

fn main() {
    divan::main();
}

/// A page of so many series from nothing: snapshot, text, compression.
#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 10)]
fn render(bencher: Bencher<'_, '_>, series: usize) {
    let store = fleet::store(series);
    bencher.counter(ItemsCount::new(series)).bench_local(|| fleet::page(black_box(&store)));
}

/// Text of a page into one deflate block of the size that pages have.
#[divan::bench(args = [1, 2, 6])]
fn gzip(bencher: Bencher<'_, '_>, level: u32) {
    let text = fleet::text(&fleet::store(2_000));
    let text = &text.as_bytes()[..128 * 1024];
    let mut stream = flate2::Compress::new(flate2::Compression::new(level), false);
    let mut block = Vec::with_capacity(2 * text.len());
    bencher.counter(BytesCount::of_slice(text)).bench_local(|| {
        block.clear();
        stream.reset();
        stream.compress_vec(black_box(text), &mut block, flate2::FlushCompress::Full)
    });
}

/// A reading of an org into a store that holds others.
#[divan::bench(args = [100, 10_000])]
fn store_put(bencher: Bencher<'_, '_>, orgs: usize) {
    let store = fleet::store(orgs * fleet::SERIES_OF_AN_ORG);
    bencher
        .with_inputs(|| fleet::reading(7))
        .bench_local_values(|reading| fleet::put(&store, 7, black_box(reading)));
}

/// What a page is made of, taken out of the store.
#[divan::bench(args = [100, 10_000])]
fn store_snapshot(bencher: Bencher<'_, '_>, orgs: usize) {
    let store = fleet::store(orgs * fleet::SERIES_OF_AN_ORG);
    bencher.counter(ItemsCount::new(orgs)).bench_local(|| black_box(&store).snapshot());
}

/// A hundred orgs with their summaries, as a list brings them.
#[divan::bench]
fn decode_list(bencher: Bencher<'_, '_>) {
    let body = fleet::list();
    bencher.counter(BytesCount::of_slice(&body)).bench_local(|| fleet::decode(black_box(&body)));
}
