//! The rooms of the house and who may enter which: a forbidden import fails here.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms of this crate that it may import from.
const ROOMS: [(&str, &[&str]); 18] = [
    (
        "app",
        &[
            "clock",
            "config",
            "lifecycle",
            "logging",
            "losant",
            "metrics",
            "poll",
            "selection",
            "status",
            "store",
            "usage",
            "web",
        ],
    ),
    ("backfill", &["clock", "losant", "remote_write", "selection", "usage"]),
    (
        "cli",
        &[
            "app",
            "backfill",
            "clock",
            "config",
            "lifecycle",
            "logging",
            "losant",
            "metrics",
            "outbound",
            "remote_write",
            "rules",
            "selection",
            "simulator",
            "usage",
            "web",
        ],
    ),
    ("clock", &[]),
    ("config", &["logging", "losant", "selection", "usage", "web"]),
    ("lifecycle", &["clock"]),
    ("logging", &[]),
    ("losant", &["clock", "outbound", "usage"]),
    ("metrics", &["clock", "store", "usage"]),
    // How the process speaks to others; it does not know to whom.
    ("outbound", &[]),
    ("poll", &["clock", "config", "losant", "selection", "store", "usage"]),
    ("remote_write", &["clock", "outbound"]),
    ("rules", &["metrics"]),
    ("selection", &["usage"]),
    // The simulator reads the contract by itself: a field misread in `losant` must not be misread here as well.
    ("simulator", &["clock"]),
    // It shows what is stored and what pollers say; the page of metrics is not asked.
    ("status", &["poll", "store", "usage"]),
    ("store", &["clock", "usage"]),
    ("usage", &[]),
];

/// `web` shows what others make; it knows their words only.
const WEB: (&str, &[&str]) = ("web", &["clock", "lifecycle", "metrics"]);

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The room that a file belongs to: the first part of its path below `src`.
fn room_of(file: &Path) -> String {
    let below = file.strip_prefix(source()).expect("below src");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file without its tests, which may use what they like.
fn code(file: &Path) -> String {
    if file.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests")) {
        return String::new();
    }
    let text = fs::read_to_string(file).expect("text");
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The rooms that a line of code names after `crate::`.
fn imports(line: &str) -> Vec<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = Vec::new();
    for (place, _) in line.match_indices("crate::") {
        let rest = &line[place + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => rooms.extend(list.split(',').map(|item| name(item.trim()))),
            None => rooms.push(name(rest)),
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

#[test]
fn every_import_follows_the_plan() {
    let (mut seen, mut forbidden) = (0, Vec::new());
    for file in files(&source()) {
        let room = room_of(&file);
        if matches!(room.as_str(), "main" | "lib") {
            continue;
        }
        let allowed = ROOMS.iter().chain([&WEB]).find(|(name, _)| *name == room);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{room} is not in the plan"));
        for line in code(&file).lines() {
            // Prose may speak of any room.
            if line.trim_start().starts_with("//") {
                continue;
            }
            for imported in imports(line) {
                seen += 1;
                if imported != room && !allowed.contains(&imported.as_str()) {
                    forbidden.push(format!("{}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(seen > 100, "the search finds imports: {seen}");
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
}

#[test]
fn only_clients_know_the_http_client() {
    for file in files(&source()) {
        // A check of rules asks an exporter, never Losant.
        let may = matches!(room_of(&file).as_str(), "losant" | "outbound" | "remote_write")
            || file.ends_with("cli/rules/page.rs");
        assert!(may || !code(&file).contains("reqwest::"), "{}", file.display());
    }
}

#[test]
fn only_the_command_line_can_change_something_at_losant() {
    for file in files(&source()) {
        let may = room_of(&file) == "losant" || file.ends_with("cli/api.rs");
        let code = code(&file);
        let mut words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        assert!(may || !words.any(|word| word == "Writer"), "{}", file.display());
    }
}

#[test]
fn no_file_has_outgrown_its_room() {
    const LINES: usize = 500;
    for file in files(&source()) {
        let lines = fs::read_to_string(&file).expect("text").lines().count();
        assert!(lines <= LINES, "{}: {lines} lines", file.display());
    }
}
