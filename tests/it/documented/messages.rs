//! Messages that the troubleshooting quotes: whoever searches for one has to find it.

use std::path::Path;

use regex::Regex;

use super::document::{Document, project};

/// The document that goes by what the program says.
const BY_MESSAGES: &str = "docs/troubleshooting.md";

/// What is quoted and nowhere said. A message is code within a sentence that has three words or more and is no call; an ellipsis and
/// numbers stand for what differs.
pub fn problems(document: &Document) -> Vec<String> {
    if document.name != BY_MESSAGES {
        return Vec::new();
    }
    let message =
        Regex::new(r"^(… )?[A-Za-z0-9][^=<>(){}$/]* [^=<>(){}$/]* [^=<>(){}$/]*$").expect("a pattern");
    let call = Regex::new(r"^(losant-exporter|kubectl|curl|promtool|amtool) ").expect("a pattern");
    let differs = Regex::new(r"…|[0-9]+").expect("a pattern");
    let said = said();
    let mut problems = Vec::new();
    for (line, span) in
        document.spans.iter().filter(|(_, span)| message.is_match(span) && !call.is_match(span))
    {
        for part in differs.split(span).map(str::trim).filter(|part| !part.is_empty()) {
            if !said.contains(part) {
                problems.push(format!("{}:{line}: nothing in src says {part:?}", document.name));
            }
        }
    }
    problems
}

/// The sources, with strings that go on in the next line put together.
fn said() -> String {
    let mut text = String::new();
    read(&project().join("src"), &mut text);
    Regex::new(r"\\\n *").expect("a pattern").replace_all(&text, "").into_owned()
}

fn read(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *text += &std::fs::read_to_string(&path).expect("a source");
        }
    }
}
