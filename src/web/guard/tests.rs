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

/// How many come in at once.
fn allowed(guard: &Guard) -> usize {
    (0..20).filter(|_| guard.current().allow_request(Duration::ZERO)).count()
}

#[test]
fn a_change_is_taken_over_even_where_size_and_time_of_the_file_stay() {
    let (folder, guard) = guard(BURST);
    let file = folder.path().join("web.yml");
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, BURST.replace("burst: 1", "burst: 9")).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    guard.check();
    guard.check();
    assert_eq!(allowed(&guard), 9);
}

#[test]
fn a_file_that_is_written_in_the_moment_of_the_look_is_read_again() {
    let (folder, guard) = guard(BURST);
    // As if it had been written right after it was read, within the moment that its times tell apart.
    fs::write(folder.path().join("web.yml"), "{}").unwrap();
    {
        let mut last = guard.source.as_ref().unwrap().last.lock().unwrap();
        let mut files = Files::default();
        files.read(&folder.path().join("web.yml")).unwrap();
        last.decided.take_stamps_of(&files);
        assert!(last.decided.are_unchanged() && !last.settled);
    }
    guard.check();
    guard.check();
    assert_eq!(allowed(&guard), 20);
}

#[test]
fn half_a_file_protects_nothing_less_and_the_whole_comes_into_force_when_it_stays() {
    let (folder, guard) = guard(BURST);
    let file = folder.path().join("web.yml");
    let whole = format!("# Rules.\n{}", BURST.replace("burst: 1", "burst: 9"));
    // All of these are valid, and say less than the whole.
    for half in ["", "# Rules.\n", "# Rules.\nrate_limit:\n", "# Rules.\nrate_limit:\n  interval: 1s\n"] {
        fs::write(&file, half).unwrap();
        guard.check();
        assert!(guard.current().to_string().contains("rate limit"), "{half:?}");
    }
    assert_eq!(allowed(&guard), 1);
    fs::write(&file, &whole).unwrap();
    guard.check();
    assert_eq!(allowed(&guard), 0, "it was seen once");
    guard.check();
    assert_eq!(allowed(&guard), 9);
}

#[test]
fn a_file_that_becomes_empty_never_lets_everybody_in() {
    let (folder, guard) = guard(BURST);
    for nothing in ["", "\n", "# nothing\n", "---\n"] {
        fs::write(folder.path().join("web.yml"), nothing).unwrap();
        for _ in 0..3 {
            guard.check();
        }
        assert!(guard.current().to_string().contains("rate limit"), "{nothing:?}");
        let refused = Guard::load(&folder.path().join("web.yml")).unwrap_err().to_string();
        assert!(refused.ends_with("web.yml: is empty; write {} for no rules"), "{refused}");
    }
}

#[test]
fn what_was_changed_and_changed_back_is_no_change() {
    let (folder, guard) = guard(BURST);
    let before = guard.current();
    for text in ["{}", BURST] {
        fs::write(folder.path().join("web.yml"), text).unwrap();
        guard.check();
    }
    guard.check();
    assert!(Arc::ptr_eq(&before, &guard.current()));
}

#[test]
fn what_others_of_the_file_change_leaves_the_bucket_as_it_is() {
    let (folder, guard) = guard(BURST);
    assert!(guard.current().allow_request(Duration::ZERO));
    fs::write(folder.path().join("web.yml"), format!("{BURST}# a comment\n")).unwrap();
    guard.check();
    guard.check();
    assert!(!guard.current().allow_request(Duration::ZERO));
}

#[test]
fn a_broken_file_changes_nothing_and_neither_does_switching_tls_on() {
    let (folder, guard) = guard(BURST);
    for text in ["rate_limit:\n  interval: soon\n", "tls_server_config:\n  cert_file: x\n"] {
        fs::write(folder.path().join("web.yml"), text).unwrap();
        for _ in 0..3 {
            guard.check();
        }
    }
    assert!(guard.current().allow_request(Duration::ZERO));
    assert!(!guard.current().allow_request(Duration::ZERO));
}

#[test]
fn a_refusal_stays_on_one_line_whatever_a_user_or_a_file_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    for (text, said) in [
        ("tls_server_config:\n  cert_file: a\tb\n  key_file: c\n", "a?b"),
        ("basic_auth_users: { \"dave\\n\": x }\n", "basic_auth_users.dave?: is not a hash"),
        ("http_server_config: { headers: { \"X\\e[2J\": x } }\n", "headers.X?[2J: this header cannot be set"),
    ] {
        fs::write(&path, text).unwrap();
        let problem = Guard::load(&path).unwrap_err().to_string();
        assert!(problem.contains(said) && !problem.contains(char::is_control), "{problem:?}");
    }
}

#[tokio::test]
async fn files_are_looked_at_every_second() {
    let (folder, guard) = guard(BURST);
    let (clock, hand) = Clock::manual("2026-03-17T14:23:45Z".parse().unwrap());
    let (_signals, signals) = crate::lifecycle::Signals::manual();
    let shutdown = crate::lifecycle::Shutdown::new(signals, clock.clone(), Duration::from_secs(1));
    let metrics = WebMetrics::register(&mut prometheus_client::registry::Registry::default());
    let looking = guard.clone().keep_current(metrics, clock, shutdown.drain());
    fs::write(folder.path().join("web.yml"), "{}").unwrap();
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
