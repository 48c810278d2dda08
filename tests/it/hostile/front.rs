//! A server before the simulated Losant that passes questions on, and makes of the answers what it is told to.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::serve::Listener;
use flate2::{Compress, Compression, FlushCompress};
use http_body::Frame;
use losant_exporter::clock::Clock;
use losant_exporter::simulator::Simulator;
use tower_service::Service as _;

use crate::test_app::SimulatorTasks;

/// What a bomb unpacks to comes in stretches of this size.
const STRETCH: usize = 1 << 20;
/// How many of them: ten gigabytes.
const STRETCHES: usize = 10 * 1024;
const PIECE: usize = 64 << 10;
const LEVELS: usize = 100_000;

/// Which answers are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The list of orgs.
    List,
    /// What orgs say of their devices.
    Counts,
}

impl Asked {
    pub const fn action(self) -> &'static str {
        match self {
            Self::List => "instanceOrgs.get",
            Self::Counts => "instanceOrg.deviceCounts",
        }
    }

    fn is(self, path: &str) -> bool {
        match self {
            Self::List => path.ends_with("/orgs"),
            Self::Counts => path.contains("/orgs/") && path.ends_with("/deviceCounts"),
        }
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It is whole, with ten megabytes beside it of what nobody asked for.
    TenMegabytes,
    /// It comes a byte a second.
    ByteASecond,
    /// It begins and does not end, as fast as it is read.
    Endless,
    /// A hundred thousand lists in one another.
    Nested,
    /// Ten megabytes that unpack to ten gigabytes.
    Bomb,
}

/// The server. Clones are one.
#[derive(Clone)]
pub struct Front {
    simulator: Simulator,
    ordered: Arc<Mutex<Option<(Asked, Shape)>>>,
    /// Whether each answer is the last of its connection, as recorded of Losant's.
    closes: bool,
}

impl Front {
    pub fn new(simulator: &Simulator) -> Self {
        Self { simulator: simulator.clone(), ordered: Arc::default(), closes: false }
    }

    pub fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    /// Serves until `tasks` end.
    pub fn serve<L>(&self, listener: L, tasks: &mut SimulatorTasks)
    where
        L: Listener,
        L::Addr: std::fmt::Debug,
    {
        let router = Router::new().fallback(answer).with_state(self.clone());
        tasks.spawn(async move { axum::serve(listener, router).await });
    }

    /// Answers to these questions take this shape from now on.
    pub fn order(&self, order: Option<(Asked, Shape)>) {
        *self.ordered.lock().expect("an order") = order;
    }

    fn shape_of(&self, path: &str) -> Option<Shape> {
        let ordered = *self.ordered.lock().expect("an order");
        ordered.filter(|(asked, _)| asked.is(path)).map(|(_, shape)| shape)
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let shape = front.shape_of(request.uri().path());
    let mut response = front.simulator.router().call(request).await.expect("an answer");
    if front.closes {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let Some(shape) = shape else { return response };
    let (mut head, body) = response.into_parts();
    let usual = to_bytes(body, usize::MAX).await.expect("an answer");
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.remove(header::CONTENT_ENCODING);
    let body = match shape {
        Shape::TenMegabytes => Pieces::of(with_ten_megabytes(&usual)),
        Shape::ByteASecond => {
            let bytes = (0..usual.len()).map(move |place| usual.slice(place..=place));
            Pieces { pause: Duration::from_secs(1), ..Pieces::of(bytes) }
        }
        Shape::Endless => {
            let spaces = Bytes::from(vec![b' '; PIECE]);
            Pieces::of([Bytes::from_static(b"{\"items\":[")].into_iter().chain(std::iter::repeat(spaces)))
        }
        Shape::Nested => {
            let text = format!("{{\"items\":{}{}}}", "[".repeat(LEVELS), "]".repeat(LEVELS));
            Pieces::of([Bytes::from(text)])
        }
        Shape::Bomb => {
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Pieces::of(bomb())
        }
    };
    Response::from_parts(head, Body::new(body))
}

/// The object that was answered, with a text of ten megabytes as one more field.
fn with_ten_megabytes(usual: &Bytes) -> Vec<Bytes> {
    let rest = usual.strip_prefix(b"{").expect("an object");
    let mut pieces = vec![Bytes::from_static(b"{\"padding\":\"")];
    pieces.extend(std::iter::repeat_n(Bytes::from(vec![b'x'; PIECE]), (10 << 20) / PIECE));
    pieces.extend([Bytes::from_static(b"\","), usual.slice_ref(rest)]);
    pieces
}

/// Spaces as gzip. Each stretch refers to nothing before it, so they are all the same.
fn bomb() -> impl Iterator<Item = Bytes> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut stretch = Vec::with_capacity(PIECE);
    deflate.compress_vec(&vec![b' '; STRETCH], &mut stretch, FlushCompress::Full).expect("it fits");
    assert_eq!(deflate.total_in(), STRETCH as u64);
    // Magic number, deflate, no flags, no time, no extras, an unknown system.
    let head = Bytes::from_static(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    [head].into_iter().chain(std::iter::repeat_n(Bytes::from(stretch), STRETCHES))
}

/// A body in pieces, with a pause before each.
struct Pieces {
    rest: Box<dyn Iterator<Item = Bytes> + Send>,
    pause: Duration,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Pieces {
    fn of<I>(pieces: I) -> Self
    where
        I: IntoIterator<Item = Bytes>,
        I::IntoIter: Send + 'static,
    {
        Self { rest: Box::new(pieces.into_iter()), pause: Duration::ZERO, waiting: None }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.pause.is_zero() {
            let pause = self.pause;
            let wait = || Box::pin(async move { Clock::system().sleep(pause).await }) as _;
            ready!(self.waiting.get_or_insert_with(wait).as_mut().poll(context));
            self.waiting = None;
        }
        Poll::Ready(self.rest.next().map(|piece| Ok(Frame::data(piece))))
    }
}
