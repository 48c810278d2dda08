//! Keys of the configuration, and subcommands with their flags, in sentences of the documents.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory as _};
use losant_exporter::cli::Cli;
use regex::Regex;

use super::document::{Document, project};

/// What is wrong with the code in sentences of a document.
pub fn problems(document: &Document) -> Vec<String> {
    // A changelog speaks of what is gone, too.
    if document.name == "CHANGELOG.md" {
        return Vec::new();
    }
    let keys = keys();
    let sections = keys.iter().filter_map(|key| key.split('.').next()).collect::<BTreeSet<_>>();
    let key = Regex::new(r"^[a-z]+(\.[a-z_]+)+$").expect("a pattern");
    let mut problems = Vec::new();
    for (line, span) in &document.spans {
        let is_key = key.is_match(span) && span.split('.').next().is_some_and(|it| sections.contains(it));
        // Names of log fields and flags have dots, too, and begin like sections.
        let is_flag = arguments(&Cli::command()).contains(&format!("--{span}"));
        if is_key && !is_flag && !keys.contains(span) {
            problems.push(format!("{}:{line}: config.toml has no key {span}", document.name));
        }
        if let Some(words) = span.strip_prefix("losant-exporter ") {
            problems.extend(command(words).map(|problem| format!("{}:{line}: {problem}", document.name)));
        }
    }
    problems
}

/// Every key that the reference configuration names, those in comments included, and every section.
fn keys() -> BTreeSet<String> {
    let text = std::fs::read_to_string(project().join("config.toml")).expect("config.toml");
    let key = Regex::new(r"^#?([a-z_]+) = ").expect("a pattern");
    let mut keys = BTreeSet::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            // What an account is called is the reader's choice.
            name.trim_end_matches(".default").clone_into(&mut section);
            let mut parts = section.as_str();
            keys.insert(parts.to_owned());
            while let Some((outer, _)) = parts.rsplit_once('.') {
                keys.insert(outer.to_owned());
                parts = outer;
            }
        } else if let Some(found) = key.captures(line) {
            keys.insert(format!("{section}.{}", &found[1]));
        }
    }
    keys
}

/// What is wrong with the subcommand or the flags of a call in a sentence.
fn command(words: &str) -> Option<String> {
    let cli = Cli::command();
    let mut words = words.split_whitespace().peekable();
    let mut called = &cli;
    if let Some(name) = words.next_if(|word| word.chars().all(|it| it.is_ascii_lowercase())) {
        match cli.find_subcommand(name) {
            Some(command) => called = command,
            None => return Some(format!("there is no subcommand {name}")),
        }
    }
    let known = arguments(called);
    let flags = words.filter(|word| word.starts_with("--") && word.len() > 2);
    let mut unknown = flags.filter(|flag| {
        let name = flag.split('=').next().unwrap_or_default().trim_end_matches(',');
        !known.contains(name) && name != "--help" && name != "--version"
    });
    unknown.next().map(|flag| format!("{} has no flag {flag}", called.get_name()))
}

fn arguments(command: &Command) -> BTreeSet<String> {
    command.get_arguments().filter_map(|it| it.get_long().map(|long| format!("--{long}"))).collect()
}
