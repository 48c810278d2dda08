//! Scrapes while everything changes: what they cost then, what a rendering costs, and when a change is seen.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use losant_exporter::clock::Clock;

use crate::client::{Answer, Client, Coding, TEXT};
use crate::fleet::{Fleet, RESTLESS, UNSEEN};
use crate::limits::{Limits, print_figure};
use crate::machine::number;
use crate::pages::{largest, unpacked};
use crate::rounds::{Contender, Plan, play, quantile};
use crate::sizes::{Size, check_ratio};

/// Long enough for every coding to meet several sweeps and many renderings.
const PLAN: Plan = Plan { most: usize::MAX, least: 3, budget: 8.0 };

/// How long is watched for changes, and how often is looked.
const WATCHED: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

const LAST_SUCCESS: &str = "_last_success_timestamp_seconds{";
const LAST_RENDER: &str = "losant_exporter_last_render_timestamp_seconds";
const RENDER_DURATION: &str = "losant_exporter_render_duration_seconds";

/// Measures an exporter whose series change all the time, against the floor.
pub async fn run(limits: &mut Limits, size: Size, fleet: &Fleet, mut floor: Contender) {
    println!("  while everything changes: a sweep every 5 s, a rendering every second");
    floor.forget();
    let mut pair = [fleet.exported(&RESTLESS).await.contending("exporter"), floor];
    for coding in Coding::ALL {
        play(&mut pair, &mut [], coding, PLAN);
    }
    let [exporter, floor] = pair;
    for coding in Coding::ALL {
        let (own, least) = (exporter.measured(coding), floor.measured(coding));
        print_figure(
            &format!("{}: p50 and p99 in ms", coding.name()),
            format!(
                "exporter {:.2}, {:.2}; floor {:.2}, {:.2}; {} scrapes",
                own.p50() * 1e3,
                own.p99() * 1e3,
                least.p50() * 1e3,
                least.p99() * 1e3,
                own.took.len()
            ),
        );
        let when = format!("{}, while all changes", size.name());
        check_ratio(limits, &when, coding, &exporter, &floor);
    }
    drop(floor);
    let unseen = fleet.read(&UNSEEN).await;
    let cpu = || [&exporter.process, &unseen.process].map(|process| process.taken().cpu);
    let (clock, before) = (Clock::system(), cpu());
    let pages = watch(exporter.address()).await;
    let (after, wall) = (cpu(), clock.uptime());
    let cpu = std::array::from_fn(|place| after[place].saturating_sub(before[place]).as_secs_f64());
    drop(unseen);
    Seen::in_pages(&pages).report(cpu, wall.as_secs_f64());
}

/// A page that differs from the one before.
struct Page {
    /// When its last byte had come, as a Unix time.
    at: f64,
    answer: Answer,
    body: Vec<u8>,
}

/// Scrapes often, and keeps what is new. Packed pages are unpacked afterwards: meanwhile this would take the machine from
/// those that are measured.
async fn watch(exporter: SocketAddr) -> Vec<Page> {
    let (clock, mut client) = (Clock::system(), Client::of(exporter));
    let mut pages: Vec<Page> = Vec::new();
    while clock.uptime() < WATCHED {
        let (answer, body) = client.page(Coding::Gzip, TEXT);
        let at = clock.now().as_duration().as_secs_f64();
        if pages.last().is_none_or(|last| last.body != body) {
            pages.push(Page { at, answer, body });
        }
        clock.sleep(LOOK_EVERY).await;
    }
    pages
}

/// When what a page shows was last known to be true, by series.
fn successes(page: &str) -> HashMap<String, f64> {
    let lines = page.lines().filter(|line| line.contains(LAST_SUCCESS) && !line.starts_with('#'));
    let halves = lines.map(|line| line.rsplit_once(' ').expect("a value"));
    halves.map(|(series, time)| (series.to_owned(), time.parse().expect("a time"))).collect()
}

/// What the pages of a watch tell.
#[derive(Default)]
struct Seen {
    /// How long after it was known to be true something was first seen, in seconds: each success that a page shows and the
    /// one before did not, from the time that it bears until the page was there. That covers storing it, waiting for the
    /// next rendering, rendering, packing, and the scrape.
    delays: Vec<f64>,
    /// Times of renderings.
    rendered: Vec<f64>,
    /// How long renderings took, as the pages say: of several formats, the one that takes longest.
    durations: Vec<f64>,
    pages: u64,
}

impl Seen {
    fn in_pages(pages: &[Page]) -> Self {
        let mut seen = Self { pages: pages.len() as u64, ..Self::default() };
        let mut known: Option<HashMap<String, f64>> = None;
        for page in pages {
            let text = unpacked(&page.answer, &page.body);
            let successes = successes(&text);
            // Of the first page nobody knows how long it has been there.
            if let Some(known) = &known {
                let is_new = |(series, time): &(&String, &f64)| known.get(*series) != Some(*time);
                seen.delays.extend(successes.iter().filter(is_new).map(|(_, time)| page.at - time));
            }
            known = Some(successes);
            seen.durations.extend(largest(&text, RENDER_DURATION));
            seen.rendered.extend(largest(&text, LAST_RENDER));
        }
        seen.rendered.dedup();
        seen
    }

    /// `cpu` is what the exporter took, and what one took that did all the same except rendering.
    fn report(&self, [cpu, rest]: [f64; 2], wall: f64) {
        print_figure("watched: pages that differ", format!("{} in {wall:.0} s", self.pages));
        if self.delays.is_empty() {
            print_figure("from true to visible", "nothing has changed");
        } else {
            let (half, most) = (quantile(&self.delays, 0.5), quantile(&self.delays, 1.0));
            print_figure(
                "from true to visible (last_success to scrape)",
                format!("p50 {half:.2} s, at most {most:.2} s, of {} successes", self.delays.len()),
            );
        }
        let share = |seconds: f64| format!("{:.1} % of a core", seconds / wall * 100.0);
        print_figure("CPU of all it does, scrapes included", share(cpu));
        print_figure("CPU of one that does not render", share(rest));
        // The first was made before the watch began.
        let (of, count) = match self.rendered.len().saturating_sub(1) {
            0 => ("CPU a page, made for each scrape", self.pages),
            renderings => ("CPU a rendering, by the difference", renderings as u64),
        };
        print_figure(of, format!("{:.1} ms, of {count}", (cpu - rest) / number(count) * 1e3));
        if !self.durations.is_empty() {
            let (half, most) = (quantile(&self.durations, 0.5), quantile(&self.durations, 1.0));
            print_figure(
                "a rendering takes, as the page says",
                format!("p50 {:.1} ms, at most {:.1} ms", half * 1e3, most * 1e3),
            );
        }
    }
}
