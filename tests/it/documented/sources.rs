//! Files and functions of the program that the documents name.
//!
//! Owns: what in a document is such a name. Links to files are looked at by `links`.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::document::{Document, project};

/// Every source file, by its path below the project, with its text.
static SOURCES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut sources = Vec::new();
    for folder in ["src", "tests", "benches"] {
        collect(&project().join(folder), &mut sources);
    }
    sources
});

fn collect(folder: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(project()).expect("below the project").display().to_string();
            sources.push((name, fs::read_to_string(&path).expect("a source file")));
        }
    }
}

/// Names of files, such as `poll/review.rs`, and of functions of a type, such as `Store::put`, that there are not.
pub fn problems(document: &Document) -> Vec<String> {
    let file = Regex::new(r"^[a-z0-9_/]+\.rs$").expect("a pattern");
    let function = Regex::new(r"^([A-Z][A-Za-z]+)::([a-z_]+)$").expect("a pattern");
    let mut problems = Vec::new();
    for (line, span) in &document.spans {
        let is_there = if file.is_match(span) {
            let end = format!("/{span}");
            SOURCES.iter().any(|(name, _)| name == span || name.ends_with(&end))
        } else if let Some(found) = function.captures(span) {
            let (owner, name) = (&found[1], format!("fn {}", &found[2]));
            SOURCES.iter().any(|(_, text)| text.contains(owner) && text.contains(&name))
        } else {
            true
        };
        if !is_there {
            problems.push(format!("{}:{line}: there is no {span}", document.name));
        }
    }
    problems
}
