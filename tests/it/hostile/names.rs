//! Who answers for the name of Losant: rightly, with a failure, that there is no such name, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// The name.
pub const NAME: &str = "api.losant.test";

/// How questions are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Right,
    /// `SERVFAIL`: whoever knows cannot be reached.
    Failing,
    /// `NXDOMAIN`.
    Unknown,
    Silent,
}

const MOODS: [Mood; 4] = [Mood::Right, Mood::Failing, Mood::Unknown, Mood::Silent];

/// A name server on port 53 of loopback.
pub struct NameServer {
    mood: Arc<AtomicU8>,
    asked: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl NameServer {
    pub async fn start(address: [u8; 4]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").await.expect("the port");
        let (mood, asked) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicU64::new(0)));
        let mut task = JoinSet::new();
        let (now, count) = (Arc::clone(&mood), Arc::clone(&asked));
        task.spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut question).await {
                count.fetch_add(1, Ordering::Relaxed);
                let mood = MOODS[usize::from(now.load(Ordering::Relaxed))];
                if let Some(answer) = answer(&question[..length], mood, address) {
                    let _ = socket.send_to(&answer, client).await;
                }
            }
        });
        Self { mood, asked, _task: task }
    }

    pub fn set(&self, mood: Mood) {
        let place = MOODS.iter().position(|one| *one == mood).expect("one of them");
        self.mood.store(u8::try_from(place).expect("few"), Ordering::Relaxed);
    }

    /// How many questions have come.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The answer to a question, where there is one: the address for those who ask for one of version 4, and no other.
fn answer(question: &[u8], mood: Mood, address: [u8; 4]) -> Option<Vec<u8>> {
    let code = match mood {
        Mood::Right => 0,
        Mood::Failing => 2,
        Mood::Unknown => 3,
        Mood::Silent => return None,
    };
    // A head of twelve bytes, a name that ends with an empty label, type and class. What follows is of no concern.
    let name = question.get(12..)?.iter().position(|byte| *byte == 0)? + 1;
    let question = question.get(..12 + name + 4)?;
    let wants_address = question[12 + name..12 + name + 2] == [0, 1];
    let mut answer = question.to_vec();
    // An answer, with recursion as asked for; one question, no other records.
    (answer[2], answer[3]) = (0x81, 0x80 | code);
    answer[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    if code == 0 && wants_address {
        answer[7] = 1;
        // The name of the question, type and class, no time to live: it is asked for each time.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(address);
    }
    Some(answer)
}
