use std::fs;

use tempfile::TempDir;

use super::*;

const BURST: &str = "rate_limit:\n  interval: 1s\n  burst: 1\n";

fn guard(text: &str) -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yml"), text).unwrap();
    let guard = Guard::load(&folder.path().join("web.yml")).unwrap();
    (folder, guard)
}

#[test]
fn a_change_is_taken_over_even_where_size_and_time_of_the_file_stay() {
    let (folder, guard) = guard(BURST);
    let file = folder.path().join("web.yml");
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, BURST.replace("burst: 1", "burst: 9")).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    guard.check();
    let allowed = (0..20).filter(|_| guard.current().allow_request(Duration::ZERO)).count();
    assert_eq!(allowed, 9);
}

#[test]
fn a_file_that_is_written_in_the_moment_of_the_look_is_read_again() {
    let (folder, guard) = guard(BURST);
    // As if it had been written right after it was read, within the moment that its times tell apart.
    fs::write(folder.path().join("web.yml"), "").unwrap();
    {
        let mut last = guard.source.as_ref().unwrap().last.lock().unwrap();
        let mut files = Files::default();
        files.read(&folder.path().join("web.yml")).unwrap();
        last.files.take_stamps_of(&files);
        assert!(last.files.are_unchanged() && !last.settled);
    }
    guard.check();
    let allowed = (0..20).filter(|_| guard.current().allow_request(Duration::ZERO)).count();
    assert_eq!(allowed, 20);
}

#[test]
fn what_others_of_the_file_change_leaves_the_bucket_as_it_is() {
    let (folder, guard) = guard(BURST);
    assert!(guard.current().allow_request(Duration::ZERO));
    fs::write(folder.path().join("web.yml"), format!("{BURST}# a comment\n")).unwrap();
    guard.check();
    assert!(!guard.current().allow_request(Duration::ZERO));
}

#[test]
fn a_broken_file_changes_nothing_and_neither_does_switching_tls_on() {
    let (folder, guard) = guard(BURST);
    for text in ["rate_limit:\n  interval: soon\n", "tls_server_config:\n  cert_file: x\n"] {
        fs::write(folder.path().join("web.yml"), text).unwrap();
        guard.check();
        guard.check();
    }
    assert!(guard.current().allow_request(Duration::ZERO));
    assert!(!guard.current().allow_request(Duration::ZERO));
}

#[tokio::test]
async fn files_are_looked_at_every_second() {
    let (folder, guard) = guard(BURST);
    let (clock, hand) = Clock::manual("2026-03-17T14:23:45Z".parse().unwrap());
    let (_signals, signals) = crate::lifecycle::Signals::manual();
    let shutdown = crate::lifecycle::Shutdown::new(signals, clock.clone(), Duration::from_secs(1));
    let looking = guard.clone().keep_current(clock, shutdown.drain());
    fs::write(folder.path().join("web.yml"), "").unwrap();
    let changed = async {
        let rules = guard.rules.subscribe();
        while !rules.has_changed().unwrap() {
            hand.advance(CHECK_INTERVAL);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = changed => {}
        () = looking => panic!("it does not end by itself"),
    }
}
