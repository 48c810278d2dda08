//! Remote write that is cut short: what had been taken is not sent again, but for the scope that was under way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use losant_exporter::backfill::{Done, Stopped, Target};
use losant_exporter::remote_write::{Credentials, Pusher, WriteRequest};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::NOW;
use super::fixture::{Losant, file_of, samples_in};
use crate::prometheus::Samples;

/// A server that takes so many requests, and keeps what it took.
#[derive(Clone)]
struct Receiver(Arc<Mutex<(usize, Vec<WriteRequest>)>>);

async fn receive(State(receiver): State<Receiver>, body: Bytes) -> StatusCode {
    let plain = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let mut state = receiver.0.lock().unwrap();
    if state.0 == 0 {
        return StatusCode::FORBIDDEN;
    }
    state.0 -= 1;
    state.1.push(WriteRequest::decode(&*plain).unwrap());
    StatusCode::NO_CONTENT
}

impl Receiver {
    /// What it took, by series. Fails where a series was not sent in order of time.
    fn samples(&self) -> Samples {
        let mut samples = Samples::new();
        for series in self.0.lock().unwrap().1.iter().flat_map(|request| &request.timeseries) {
            let labels: BTreeMap<_, _> = series.labels.iter().map(|l| (l.name.as_str(), &l.value)).collect();
            let others = labels.iter().filter(|(name, _)| **name != "__name__");
            let others: Vec<_> = others.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let taken = samples.entry(format!("{}{{{}}}", labels["__name__"], others.join(","))).or_default();
            for sample in &series.samples {
                if taken.last().is_none_or(|(millisecond, _)| *millisecond < sample.timestamp) {
                    taken.push((sample.timestamp, sample.value));
                } else {
                    assert!(taken.contains(&(sample.timestamp, sample.value)), "sent again, and the same");
                }
            }
        }
        samples
    }
}

#[tokio::test]
async fn a_run_that_a_server_cut_short_goes_on_with_the_next_scope() {
    let losant = Losant::at(NOW).await;
    let expected = samples_in(&losant.backfill("-5d").await);
    let receiver = Receiver(Arc::new(Mutex::new((5, Vec::new()))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/", post(receive)).with_state(receiver.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");

    let stopped = push(&losant, &url, &work, false).await.unwrap_err();
    assert!(matches!(stopped, Stopped::Midway { done: 5, resumable: true, .. }), "{stopped}");
    assert!(stopped.to_string().contains("refuses the samples with status 403"), "{stopped}");
    receiver.0.lock().unwrap().0 = usize::MAX;
    let done = push(&losant, &url, &work, true).await.unwrap();
    assert_eq!((done.scopes, done.left_out), (20, 0));
    assert!(receiver.samples() == expected);
    // Five days of a scope fit into one request, and no scope was sent twice.
    assert_eq!(receiver.0.lock().unwrap().1.len(), 20);
    assert!(!work.exists());
}

async fn push(losant: &Losant, url: &str, work: &Path, resume: bool) -> Result<Done, Stopped> {
    let pusher = Pusher::new(url.parse().unwrap(), Credentials::none(), losant.clock.clone()).unwrap();
    let target = Target::Server { pusher: Box::new(pusher), url: url.to_owned(), folder: work.to_owned() };
    let backfill = losant.prepare(losant.order("-5d"), target, resume).expect("a way to begin");
    losant.carry_out(backfill).await
}

#[tokio::test]
async fn a_file_that_cannot_be_put_in_its_place_is_written_by_the_next_run() {
    let losant = Losant::at(NOW).await;
    let usual = losant.backfill("-2d").await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("h.om");
    let target = || Target::File(output.clone());
    let backfill = losant.prepare(losant.order("-2d"), target(), false).unwrap();
    // Somebody was faster.
    std::fs::create_dir(&output).unwrap();
    let stopped = losant.carry_out(backfill).await.unwrap_err().to_string();
    assert!(stopped.ends_with("; all has been read, and --resume writes it"), "{stopped}");
    std::fs::remove_dir(&output).unwrap();
    let asked = losant.simulator.request_count();
    losant.run(losant.order("-2d"), &output, true).await.unwrap();
    assert!(file_of(&output) == usual);
    assert_eq!(losant.simulator.request_count(), asked, "nobody was asked again");
}
