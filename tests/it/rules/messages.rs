//! What people read when an alert fires, as Prometheus writes it.
//!
//! Owns: how alerts are read from what promtool finds fault with, and how they are shown in a snapshot.
//! Must not: change a word of them.

use std::fmt::Write as _;

/// An alert that fires.
pub struct Message {
    pub alert: String,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
}

/// The alerts that promtool shows.
pub fn read(text: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(labels) = line.strip_prefix("Labels:") {
            let mut labels = pairs(labels);
            let name = labels.iter().position(|(name, _)| name == "alertname").expect("a name");
            let (_, alert) = labels.remove(name);
            messages.push(Message { alert, labels, annotations: Vec::new() });
        } else if let Some(annotations) = line.strip_prefix("Annotations:") {
            messages.last_mut().expect("an alert").annotations = pairs(annotations);
        }
    }
    messages
}

/// Messages as one reads them aloud.
pub fn show(messages: &[Message]) -> String {
    let mut text = String::new();
    for message in messages {
        let labels: Vec<_> = message.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let _ = writeln!(text, "{} {}", message.alert, labels.join(" "));
        for key in ["summary", "description", "runbook_url", "dashboard_url"] {
            let annotation = message.annotations.iter().find(|(name, _)| name == key);
            let _ = writeln!(text, "  {}", annotation.map_or("(none)", |(_, value)| value));
        }
    }
    text
}

impl Message {
    /// All its texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.annotations.iter().map(|(_, text)| text.as_str())
    }
}

/// Reads `{name="value", …}` with the escapes of Go.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim().trim_start_matches('{');
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        let mut end = quoted.len();
        while let Some((at, letter)) = chars.next() {
            match letter {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match chars.next().map(|(_, letter)| letter) {
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some(letter) => value.push(letter),
                    None => {}
                },
                letter => value.push(letter),
            }
        }
        pairs.push((name.trim_start_matches([',', ' ']).to_owned(), value));
        rest = quoted.get(end..).unwrap_or_default();
    }
    pairs
}
