//! Disks that are full or read-only: what could not be written is named, nothing is left half under its name, and what was cut short
//! goes on. The daemon writes nothing but its log, and does without.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use losant_exporter::clock::Clock;
use rustix::process::Signal;
use tempfile::TempDir;

use super::namespaces::{MOUNT, Namespaces};
use super::process::{Process, handed_in};
use super::site::{Site, program};
use crate::components;
use crate::test_app::within_patience;

/// A page of memory: no file on a disk in memory takes less.
const PAGE: u64 = 4;

/// A small disk that only a test sees.
struct Disk {
    namespaces: Namespaces,
    folder: TempDir,
}

impl Disk {
    /// One of so many KiB, unless the machine does not let us make one.
    fn of(kib: u64) -> Option<Self> {
        if !components::has_namespaces() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let furnish = format!("mount -t tmpfs -o size={kib}k tmpfs \"$1\"");
        Some(Self { namespaces: Namespaces::make(&[MOUNT], &furnish, folder.path()), folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn remount(&self, option: &str) {
        let path = self.folder.path().to_str().expect("a path");
        self.namespaces.run("mount", &["-o", &format!("remount,{option}"), path]);
    }

    /// Runs a command that sees it.
    async fn run(&self, command: &Command) -> Output {
        output(self.namespaces.inside(command)).await
    }

    /// The files of a folder on it, with what they hold.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        files(&self.namespaces.look_at(&self.file(folder)))
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry"));
    let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    named.map(|(name, path)| (name, fs::read(path).expect("a file"))).collect()
}

/// What a command came to.
async fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    let run = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    within_patience("the end of the program", run).await.expect("no panic")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn backfill(site: &Site, output: &Path) -> Command {
    let now = Clock::system().now();
    // Whole days of the past: the same whenever it is asked for.
    let day = |ago: i64| (now - jiff::SignedDuration::from_hours(24 * ago)).to_string()[..10].to_owned();
    let mut command = program();
    command.args(["backfill", "--from", &day(5), "--to", &day(1), "--config.file"]).arg(site.config_file());
    command.arg("--output").arg(output);
    command
}

async fn site() -> Site {
    let mut site = Site::new().await;
    let instance = site.simulator.world().instances()[0].id();
    let instances = format!("instances = [\"{instance}\"]\n");
    site.account.push_str(&instances);
    site.configure();
    site
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_goes_on_to_the_same_bytes_each_time_that_a_full_disk_gets_more_room() {
    let site = site().await;
    let whole = site.path().join("whole.om");
    let done = output(backfill(&site, &whole)).await;
    assert_eq!(done.status.code(), Some(0), "{}", words(&done));
    let whole = fs::read(whole).expect("a file");

    let Some(disk) = Disk::of(PAGE) else { return };
    let target = disk.file("h.om");
    // Not even the list of scopes fits: nothing was begun, and nothing is in the way of beginning.
    let refused = disk.run(&backfill(&site, &target)).await;
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    assert!(words(&refused).contains("nothing was begun"), "{}", words(&refused));
    assert_eq!(disk.files(".").len(), 0);

    let (mut stops, mut kib) = (Vec::new(), 8 * PAGE);
    loop {
        disk.remount(&format!("size={kib}k"));
        let mut command = backfill(&site, &target);
        if !stops.is_empty() {
            command.arg("--resume");
        }
        let ended = disk.run(&command).await;
        let words = words(&ended);
        if ended.status.code() == Some(0) {
            break;
        }
        assert_eq!(ended.status.code(), Some(1), "{words}");
        let stop = words.lines().find(|line| line.contains("message=stopped")).expect("a reason").to_owned();
        assert!(stop.contains("No space left on device") && stop.contains("h.om.partial/"), "{stop}");
        assert!(stop.contains("--resume"), "{stop}");
        assert!(!disk.namespaces.look_at(&target).exists(), "a file that is not whole");
        stops.push(stop);
        assert!(stops.len() < 40, "{kib} KiB are not enough: {stops:#?}");
        kib += 40 * PAGE;
    }
    let written = disk.files(".");
    assert_eq!(written.keys().collect::<Vec<_>>(), ["h.om"]);
    assert!(written["h.om"] == whole, "{} bytes instead of {}", written["h.om"].len(), whole.len());
    eprintln!(
        "a backfill onto a full disk: stopped {} times, {kib} KiB for {} bytes",
        stops.len(),
        whole.len()
    );
    assert!(stops.len() > 3, "{stops:#?}");
    // At least once all had been read and only the whole was too much.
    assert!(stops.iter().any(|stop| stop.contains("all has been read")), "{stops:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_read_only_disk_a_backfill_names_what_it_could_not_write() {
    let site = site().await;
    let Some(disk) = Disk::of(1 << 10) else { return };
    disk.remount("ro");
    let refused = disk.run(&backfill(&site, &disk.file("h.om"))).await;
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    let words = words(&refused);
    assert!(
        words.contains("h.om.partial: Read-only file system") && words.contains("nothing was begun"),
        "{words}"
    );
    assert_eq!(disk.files(".").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_do_not_fit_on_a_disk_are_named_and_not_left_half() {
    for folder in ["rules", "man"] {
        let command = |path: &Path| {
            let mut command = program();
            command.args([folder, "--output"]).arg(path);
            if folder == "rules" {
                command.arg("--force");
            }
            command
        };
        let aside = tempfile::tempdir().expect("a folder");
        assert_eq!(output(command(aside.path())).await.status.code(), Some(0));
        let whole = files(aside.path());
        let size = whole.values().map(Vec::len).sum::<usize>() as u64 >> 10;
        let Some(disk) = Disk::of(size / 2) else { return };
        for (option, problem) in [
            (format!("size={}k", size / 2), "No space left on device"),
            ("ro".to_owned(), "Read-only file system"),
        ] {
            disk.remount(&option);
            let refused = disk.run(&command(&disk.file(folder))).await;
            let words = words(&refused);
            assert_eq!(refused.status.code(), Some(1), "{folder}: {words}");
            assert!(
                words.contains(problem) && words.contains(disk.file(folder).to_str().expect("a path")),
                "{words}"
            );
            for (name, content) in disk.files(folder) {
                assert!(whole.get(&name) == Some(&content), "{folder}: {name} has {} bytes", content.len());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_printed_is_a_failure_that_is_named() {
    let site = site().await;
    let config = site.config_file();
    let config = ["--config.file", config.to_str().expect("a path")];
    let instance = site.simulator.world().instances()[0].id().to_string();
    let commands: [&[&str]; 7] = [
        &["once", config[0], config[1]],
        &["check", config[0], config[1]],
        &["api", "instance.get", "--instance", &instance, config[0], config[1]],
        &["rules"],
        &["man"],
        &["completions", "bash"],
        &["backfill", "--from", "-2d", "--output", "-", config[0], config[1]],
    ];
    for args in commands {
        let mut command = program();
        command.args(args).env("TMPDIR", site.path()).stdin(Stdio::null()).stderr(Stdio::piped());
        command.stdout(File::options().write(true).open("/dev/full").expect("a full device"));
        let child = command.spawn().expect("it starts");
        let run = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ends"));
        let ended = within_patience("the end of the program", run).await.expect("no panic");
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {}", words(&ended));
        assert!(words(&ended).contains("No space left on device"), "{args:?}: {}", words(&ended));
    }
    assert_eq!(site.files(), ["config.toml", "token"], "something was left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_whose_log_nobody_takes_serves_all_the_same() {
    let site = site().await;
    let full = || Stdio::from(File::options().write(true).open("/dev/full").expect("a full device"));
    for format in ["logfmt", "json"] {
        for log in ["full", "closed", "gone"] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let mut command = site.command();
            command.arg(format!("--log.format={format}"));
            command.args(["--log.level=debug", "--web.enable-lifecycle"]);
            let mut command = handed_in(&command, if log == "closed" { ">&- 2>&-" } else { "" });
            match log {
                "full" => drop(command.stdout(full()).stderr(full())),
                // The end that reads is gone.
                "gone" => drop(command.stderr(std::io::pipe().expect("a pipe").1)),
                _ => {}
            }
            let mut process = Process::start_unheard(command, listener);
            process.ready().await;
            let differences = site.differences(&process).await;
            assert!(differences.is_empty(), "{format}, {log}: {differences:?}");
            // It is told to do something that is worth a line.
            process.signal(Signal::HUP);
            assert!(process.is_running());
            process.scrape().await;
            process.signal(Signal::TERM);
            assert_eq!(process.ended().await.code(), Some(0), "{format}, {log}");
        }
    }
}
