//! Commands in the documents, and configurations.
//!
//! Owns: what in a document is a command, and what has to come of it.
//! Must not: know a program; see `programs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::document::{Block, Document};
use super::programs;
use super::stage::Stage;
use crate::components;

/// Runs the commands of a document, in order and in one folder. Returns what went wrong.
pub fn problems(document: &Document, stage: &Stage) -> Vec<String> {
    let folder = stage.folder(&document.name.replace('/', "-"));
    let mut problems = Vec::new();
    let mut done = BTreeSet::new();
    for block in &document.blocks {
        match &*block.language {
            "console" | "sh" | "bash" => {
                for (line, command) in commands(block) {
                    if done.insert(command.clone())
                        && let Err(problem) = run(&command, stage, &folder)
                    {
                        problems.push(format!("{}:{line}: {command}: {problem}", document.name));
                    }
                }
            }
            "toml" => {
                if let Err(problem) = check(&block.text, stage, &folder) {
                    problems.push(format!("{}:{}: {problem}", document.name, block.line));
                }
            }
            "yaml" => {
                if let Err(error) = serde_saphyr::from_str::<serde_json::Value>(&block.text) {
                    problems.push(format!("{}:{}: {error}", document.name, block.line));
                }
            }
            _ => {}
        }
    }
    problems
}

/// The commands of a block, each with its line: after each prompt of a console, else the block as it is. A backslash goes on in the
/// next line.
fn commands(block: &Block) -> Vec<(usize, String)> {
    if block.language != "console" {
        return vec![(block.line, block.text.clone())];
    }
    let mut commands = Vec::new();
    let mut lines = block.text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else { continue };
        let mut command = command.to_owned();
        while command.ends_with('\\') {
            let Some((_, next)) = lines.next() else { break };
            command = format!("{command}\n{next}");
        }
        commands.push((block.line + number, command));
    }
    commands
}

fn run(command: &str, stage: &Stage, folder: &Path) -> Result<(), String> {
    let filled_in = stage.fill_in(command, folder)?;
    let is_called = |name: &&&str| command.split_whitespace().any(|word| word == **name);
    if programs::COMPONENTS.iter().filter(is_called).any(|name| components::program(name).is_none()) {
        return Ok(());
    }
    let (output, failures) = stage.run(folder, &filled_in);
    let said = String::from_utf8_lossy(&output.stderr);
    let said = format!(
        "{} {}",
        said.trim(),
        String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default()
    );
    if !failures.is_empty() {
        return Err(format!("{}; {}", failures.trim(), said.trim()));
    }
    // What a stand-in prints, nobody can look for anything in.
    let last = command.rsplit("| ").next().unwrap_or_default();
    let found_nothing =
        output.status.code() == Some(1) && last.starts_with("grep") && programs::is_stood_in(command);
    match output.status.code() {
        Some(0) => Ok(()),
        _ if found_nothing => Ok(()),
        Some(code) => Err(format!("exit code {code}; {}", said.trim())),
        None => Err(format!("it took too long; {}", said.trim())),
    }
}

/// Whether a configuration is one that starts.
fn check(text: &str, stage: &Stage, folder: &Path) -> Result<(), String> {
    let path = folder.join("block.toml");
    fs::write(&path, stage.fill_in(text, folder)?).expect("a configuration");
    run("losant-exporter check --config.file=block.toml", stage, folder)
}
