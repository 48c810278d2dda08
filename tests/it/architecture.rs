//! The rooms of the house and who may enter which: a forbidden import fails here, and so does a room that stands neither in the plan
//! below nor in `docs/architecture.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms of this crate that it imports from.
const ROOMS: [(&str, &[&str]); 19] = [
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
    ("store", &["usage"]),
    ("usage", &[]),
    // It shows what others make; it knows their words only.
    ("web", &["clock", "lifecycle", "metrics"]),
];

/// Where the rooms begin, and the door to them: neither is a room.
const DOORS: [&str; 2] = ["main", "lib"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source() -> PathBuf {
    root().join("src")
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

/// The module that a file is, below the crate: `poll`, `errand`. The first part is its room.
fn module_of(file: &Path) -> Vec<String> {
    let below = file.strip_prefix(source()).expect("below src").with_extension("");
    below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}

fn room_of(file: &Path) -> String {
    module_of(file).swap_remove(0)
}

/// The code of a file without its tests, which may use what they like, and without prose, which may speak of any room.
fn code(file: &Path) -> String {
    if file.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests")) {
        return String::new();
    }
    let text = fs::read_to_string(file).expect("text");
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

/// What a path goes on with: one name, or those of a list in braces, however many lines it takes.
fn names_after(rest: &str) -> Vec<&str> {
    let name = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let Some(list) = rest.strip_prefix('{') else { return vec![&rest[..name(rest)]] };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (place, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let item = list[start..place].trim_start();
                names.push(&item[..name(item)]);
                start = place + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The rooms that the code of a module names: after `crate::`, or after as many `super::` as lead out of its own.
fn imports<'a>(module: &[String], code: &'a str) -> Vec<&'a str> {
    let mut rooms = Vec::new();
    for (place, _) in code.match_indices("crate::") {
        rooms.extend(names_after(&code[place + "crate::".len()..]));
    }
    let out = "super::".repeat(module.len());
    for (place, _) in code.match_indices(&out) {
        rooms.extend(names_after(&code[place + out.len()..]));
    }
    rooms
}

#[test]
fn every_import_follows_the_plan() {
    let (mut forbidden, mut made) = (Vec::new(), BTreeSet::new());
    for file in files(&source()) {
        let (module, code) = (module_of(&file), code(&file));
        let room = module[0].as_str();
        if DOORS.contains(&room) {
            continue;
        }
        let planned = ROOMS.iter().find(|(name, _)| *name == room);
        let (_, allowed) = planned.unwrap_or_else(|| panic!("{room} is not in the plan"));
        for imported in imports(&module, &code) {
            made.insert((room.to_owned(), imported.to_owned()));
            if imported != room && !allowed.contains(&imported) {
                forbidden.push(format!("{}: {imported}", file.display()));
            }
        }
    }
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
    let planned = ROOMS.iter().flat_map(|(room, allowed)| allowed.iter().map(move |other| (*room, *other)));
    let unused: Vec<_> =
        planned.filter(|(room, other)| !made.contains(&((*room).into(), (*other).into()))).collect();
    assert!(unused.is_empty(), "the plan allows what nobody imports: {unused:?}");
}

#[test]
fn an_import_is_noticed_however_it_is_written() {
    let of = |module: &[&str], code| {
        imports(&module.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>(), code)
    };
    assert_eq!(of(&["poll", "job"], "use crate::web::Guard;\n"), ["web"]);
    assert_eq!(of(&["poll"], "use crate::{web, usage::{Id, Scope}, self};\n"), ["web", "usage", "self"]);
    assert_eq!(
        of(&["poll"], "use crate::{\n    web,\n    usage::{\n        Id,\n    },\n};\n"),
        ["web", "usage"]
    );
    assert_eq!(of(&["poll", "job"], "fn of(_: super::super::web::Guard) {}"), ["web"]);
    assert_eq!(of(&["poll"], "use super::web;"), ["web"]);
    assert_eq!(of(&["poll", "job"], "use super::handle::Handle;"), [""; 0]);
}

#[test]
fn every_room_is_in_the_plan_and_in_the_picture() {
    let found: BTreeSet<_> = files(&source()).iter().map(|file| room_of(file)).collect();
    let planned: BTreeSet<_> = ROOMS.iter().map(|(room, _)| *room).chain(DOORS).map(str::to_owned).collect();
    assert_eq!(found, planned, "what there is, and the plan");

    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("docs/architecture.md");
    let picture = page.split("```").nth(1).expect("a picture");
    let is_drawn =
        |room: &str| picture.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == room);
    for (room, _) in ROOMS {
        assert!(is_drawn(room), "the picture in docs/architecture.md has no {room}");
        assert!(page.contains(&format!("\n- **`{room}`**")), "docs/architecture.md does not tell of {room}");
    }
}

#[test]
fn the_program_knows_the_command_line_only() {
    let code = code(&source().join("main.rs"));
    let named: Vec<_> = code.split("losant_exporter::").skip(1).flat_map(names_after).collect();
    assert_eq!(named, ["cli"]);
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
