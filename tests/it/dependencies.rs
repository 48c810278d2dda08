//! `docs/dependencies.md` has a line for each direct dependency, and `deny.toml` a reason for each exception and ban.

use std::collections::BTreeSet;
use std::path::Path;

/// The tables of a manifest that name dependencies.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file)
}

fn table(file: &str) -> toml::Table {
    read(file).parse().expect(file)
}

/// What Cargo.toml names, for all machines and for some.
fn direct() -> BTreeSet<String> {
    let manifest = table("Cargo.toml");
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
    let tables = std::iter::once(&manifest).chain(targets);
    let dependencies = tables.flat_map(|of| TABLES.iter().filter_map(|name| of.get(*name)?.as_table()));
    dependencies.flat_map(toml::Table::keys).cloned().collect()
}

#[test]
fn each_direct_dependency_has_a_line_that_says_what_it_is_there_for() {
    let document = read("docs/dependencies.md");
    let lines: Vec<_> = document.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    let (mut explained, mut twice) = (BTreeSet::new(), Vec::new());
    for line in lines {
        let (names, reason) = line.split_once(" | ").expect("two columns");
        assert!(reason.trim_end_matches('|').trim().len() > 20, "hardly a reason: {line}");
        for name in names.split(", ").map(|name| name.trim_matches('`').to_owned()) {
            if !explained.insert(name.clone()) {
                twice.push(name);
            }
        }
    }
    assert_eq!(explained, direct());
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn each_ban_and_each_exception_has_a_reason() {
    let rules = table("deny.toml");
    for (section, list) in [("bans", "deny"), ("bans", "skip"), ("advisories", "ignore")] {
        let entries = rules[section][list].as_array().expect("a list");
        for entry in entries {
            assert!(entry.get("reason").and_then(toml::Value::as_str).is_some(), "{section}.{list}: {entry}");
        }
    }
}

/// Whoever builds gets what was tested, not what has been published since.
#[test]
fn whatever_calls_cargo_keeps_to_the_lock() {
    let command = regex::Regex::new(
        r"(^\$ |^\t|[ (])(cargo|\$\(CARGO\)|\$\{CARGO:-cargo\}) (build|run|test|bench|clippy|doc|install|deb|tree|deny) ",
    )
    .unwrap();
    let scripts = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")).expect("scripts");
    let scripts = scripts.map(|entry| format!("scripts/{}", entry.unwrap().file_name().to_string_lossy()));
    let others = ["Makefile", ".ci/run", "deploy/docker/Dockerfile", "README.md", "docs/performance.md"];
    let mut called = 0;
    for file in others.into_iter().map(str::to_owned).chain(scripts) {
        for line in read(&file).lines() {
            // The first command of all is the shortest there can be, and a clone has the lock beside it.
            if line.starts_with('#') || !command.is_match(line) || line == "$ cargo run --release -- demo" {
                continue;
            }
            called += 1;
            assert!(line.contains("--locked"), "{file}: {line}");
        }
    }
    assert!(called > 20, "{called} calls of cargo are found");
}
