//! The wall clock of the machine is set, by an hour or a day, forth and back: no number is shown under a window that it does not
//! belong to, and all are there again soon after.
//!
//! Losant's own clock stays right. `sweeps` has the same in a world where both are set, at many moments.

use std::fs;
use std::time::Duration;

use jiff::SignedDuration;
use losant_exporter::clock::Clock;

use super::process::{LOOK_EVERY, Process, up};
use super::site::{Site, is_around_an_end, settled_for};
use crate::components;
use crate::test_app::PATIENCE;

/// Nothing has happened for longer than the clock is ever set back, so that what Losant tells now was so then.
const SETTLED_FOR: i64 = 25;

/// How often everything is read, in seconds.
const INTERVAL: u64 = 4;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_that_is_set_puts_no_number_under_a_wrong_window() {
    set_and_look(&[DAY, 0, -HOUR, 0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute: make kill"]
async fn a_wall_clock_that_is_set_by_an_hour_or_a_day_either_way_puts_no_number_under_a_wrong_window() {
    set_and_look(&[HOUR, 0, -HOUR, 0, DAY, 0, -DAY, 0]).await;
}

/// Sets the clock of a process to so many seconds beside the right time, again and again, and compares what it shows with the truth.
async fn set_and_look(settings: &[i64]) {
    let Some(library) = components::faketime() else { return };
    let mut site = Site::of_world(settled_for(SETTLED_FOR)).await;
    // What a new time makes absent is there again after an interval.
    let intervals = [
        "payload_counts",
        "payload_bytes",
        "payload_counts_breakdown",
        "device_counts",
        "notebook_minute_counts",
    ];
    let intervals = intervals.map(|collector| format!("{collector}_interval = \"{INTERVAL}s\"\n")).concat();
    site.settings = format!("[polling]\nsweep_interval = \"1s\"\n{intervals}");
    site.configure();
    let hands = site.path().join("hands");
    // At once: it is read whenever somebody asks for the time.
    let set = |seconds: i64| {
        let next = site.path().join("hands.next");
        fs::write(&next, format!("{seconds:+}\n")).expect("a file");
        fs::rename(next, &hands).expect("a file");
    };
    set(0);
    let mut command = site.command();
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &hands)
        .env("FAKETIME_NO_CACHE", "1")
        // Time itself goes on, as it does when somebody sets a clock.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut process = Process::start(command);
    process.listening().await;
    process.ready().await;
    let clock = Clock::system();
    for &seconds in settings {
        set(seconds);
        let begun = clock.uptime();
        let mut scrapes = 0;
        loop {
            let scrape = process.scrape().await;
            let now = clock.now() + SignedDuration::from_secs(seconds);
            assert_eq!(up(&scrape), Some(1.0));
            scrapes += 1;
            let differences = site.differences_in(&scrape, now);
            let (absent, wrong): (Vec<_>, Vec<_>) = differences
                .into_iter()
                .partition(|line| line.contains("shown None") || line.contains("missing"));
            assert!(wrong.is_empty() || is_around_an_end(now), "set by {seconds} s:\n{}", wrong.join("\n"));
            let looked_for = clock.uptime().saturating_sub(begun);
            let read = scrape.family("losant_org_last_success_timestamp_seconds").into_values();
            let newest = read.fold(0.0, f64::max);
            let is_set = (newest - now.as_duration().as_secs_f64()).abs() < 30.0;
            if is_set && absent.is_empty() && looked_for > Duration::from_secs(2) {
                eprintln!(
                    "wall clock set by {seconds:+} s: whole after {looked_for:.1?}, {scrapes} scrapes, none wrong"
                );
                break;
            }
            assert!(
                looked_for < PATIENCE,
                "set by {seconds} s ({is_set}), still missing:\n{}",
                absent.join("\n")
            );
            clock.sleep(LOOK_EVERY * 5).await;
        }
    }
    assert!(process.is_running(), "{:?}", process.lines());
}
