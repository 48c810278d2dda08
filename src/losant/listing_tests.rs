use std::pin::pin;

use prometheus_client::registry::Registry;

use super::*;
use crate::clock::{Clock, ClockHand};
use crate::losant::server::{Answer, Server};
use crate::losant::{ClientConfig, ClientMetrics, Token, TokenSource};

async fn start(script: Vec<Answer>) -> (Client, Server, ClockHand) {
    let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
    let server = Server::start(clock.clone(), script).await;
    let token = TokenSource::Fixed(Token::new("token").unwrap());
    let config = ClientConfig { page_size: 2, ..ClientConfig::new(server.url.parse().unwrap(), token) };
    let client = Client::new(config, clock, ClientMetrics::register(&mut Registry::default())).unwrap();
    (client, server, hand)
}

/// Lets time fly until `work` is done.
async fn drive<T>(hand: &ClockHand, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = tokio::task::yield_now() => hand.advance(Duration::from_millis(10)),
        }
    }
}

fn instance() -> Id {
    id('a')
}

fn id(last: char) -> Id {
    format!("{}{last}", "a".repeat(23)).parse().unwrap()
}

fn page(rest: &str, last: &[char]) -> Answer {
    let items: Vec<_> = last.iter().map(|last| format!(r#"{{"id":"{}"}}"#, id(*last))).collect();
    Answer::json(200, &format!(r#"{{"items":[{}],{rest}}}"#, items.join(",")))
}

#[tokio::test]
async fn a_walk_brings_each_page_with_the_time_before_it_was_asked_for() {
    let script = vec![
        page(r#""totalCount":3,"page":0,"perPage":2"#, &['1', '2']),
        // Answered after a pause of a minute: its figures may be newer than the question, never older.
        Answer::with(429, "retry-after: 60\r\n", b""),
        page(r#""totalCount":3,"page":1,"perPage":2"#, &['2', '3']),
    ];
    let (client, server, hand) = start(script).await;
    let mut walk = client.walk_orgs(instance(), &["payloadCount"]);
    hand.advance(Duration::from_secs(5));
    let first = walk.next().await.unwrap().unwrap();
    assert_eq!(first.items.iter().map(|org| org.id).collect::<Vec<_>>(), [id('1'), id('2')]);
    assert_eq!((first.asked_at, first.total), (Duration::from_secs(5), Some(3)));
    assert_eq!(first.at, "2026-03-01T12:00:05Z".parse().unwrap());
    assert!(!walk.is_complete());

    hand.advance(Duration::from_secs(5));
    let second = drive(&hand, walk.next()).await.unwrap().unwrap();
    assert_eq!(second.items.iter().map(|org| org.id).collect::<Vec<_>>(), [id('3')]);
    assert_eq!((second.asked_at, second.total), (Duration::from_secs(10), Some(3)));
    assert_eq!(second.at, "2026-03-01T12:00:10Z".parse().unwrap());
    let asked = server.asked();
    assert!(asked[2].uptime >= Duration::from_secs(70));
    assert!(asked[2].head.contains("&page=1&perPage=2&summaryInclude=payloadCount&"));

    assert_eq!(walk.next().await, Ok(None));
    assert_eq!((walk.is_complete(), walk.skipped(), walk.requests()), (true, 0, 2));
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_page_that_could_not_be_had_is_asked_for_again_by_whoever_goes_on() {
    let script = vec![
        page(r#""hasMore":true,"limit":2"#, &['1', '2']),
        Answer::json(403, ""),
        page(r#""hasMore":false,"limit":2"#, &['3']),
    ];
    let (client, server, _hand) = start(script).await;
    let mut walk = client.walk_sandboxes(instance(), &[]);
    let first = walk.next().await.unwrap().unwrap();
    assert_eq!((first.items.len(), first.total), (2, None));
    assert_eq!(walk.next().await.unwrap_err().label(), "forbidden");
    assert!(!walk.is_complete());
    assert_eq!(walk.next().await.unwrap().unwrap().items.len(), 1);
    assert_eq!(walk.next().await, Ok(None));
    assert_eq!((walk.is_complete(), walk.requests()), (true, 3));
    let after = format!("&startingAfterId={}&", id('2'));
    assert!(server.asked()[1..].iter().all(|asked| asked.head.contains(&after)));
}

#[tokio::test]
async fn a_page_that_makes_no_sense_ends_the_walk() {
    let (client, _server, _hand) = start(vec![page(r#""totalCount":9,"perPage":2"#, &['1', '2'])]).await;
    let mut walk = client.walk_orgs(instance(), &[]);
    assert_eq!(walk.next().await.unwrap().unwrap().items.len(), 2);
    assert_eq!(walk.next().await.unwrap_err().label(), "malformed");
    assert_eq!(walk.next().await, Ok(None));
    assert!(!walk.is_complete());
}
