//! Runs promtool.
//!
//! Owns: which rule files a test file is for, the order of their groups, and where rendered tests lie.
//! Must not: know any alert.

use std::path::{Path, PathBuf};
use std::process::Command;

use losant_exporter::rules::{Kind, RuleFile, SHIPPED};

use super::files;
use super::notation::{self, TestFile};
use super::template::Level;

/// What a program says.
#[derive(Debug)]
pub struct Said {
    pub success: bool,
    pub text: String,
}

/// Runs a program to its end.
pub fn run(program: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(program).args(arguments).output().expect("a program that can be run");
    let text = [output.stdout, output.stderr].concat();
    Said { success: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() }
}

/// The templates of tests: those for levels, whose names do not begin with `exporter`, and those for alerts of the exporter.
pub fn templates(for_levels: bool) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(files::root().join("tests/rules")).expect("tests/rules");
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.retain(|path| {
        name(path).ends_with(".test.yaml") && name(path).starts_with("exporter") != for_levels
    });
    paths.sort();
    paths
}

/// The test file of a template. Levels are tried with their own rules and the thresholds; the exporter's alerts with all rules.
pub fn test_file(template: &Path, level: Option<&Level>) -> TestFile {
    let names = match level {
        Some(level) => vec!["losant-thresholds.yaml".to_owned(), format!("losant-{}.yaml", level.name)],
        None => SHIPPED.iter().map(|file| file.name.to_owned()).collect(),
    };
    let rules: Vec<_> = names.iter().map(|name| loaded(name)).collect();
    let text = std::fs::read_to_string(template).expect("a template");
    notation::expand(&text, level, &rules)
}

fn loaded(name: &str) -> notation::RuleFile {
    let path = files::path(name);
    let text = std::fs::read_to_string(&path).expect("a rule file");
    let groups = text.lines().filter_map(|line| line.strip_prefix("- name: ").map(str::to_owned)).collect();
    let rules = RuleFile::read(name, &text).unwrap_or_else(|error| panic!("{error}")).rules;
    let alerts = rules.into_iter().filter(|rule| rule.kind == Kind::Alert).map(|rule| rule.name).collect();
    notation::RuleFile { path, groups, alerts }
}

/// Writes a test file into a folder and has promtool try it.
pub fn test(promtool: &Path, folder: &Path, name: &str, file: &TestFile) -> Said {
    let path = folder.join(name);
    std::fs::write(&path, &file.text).expect("a test file");
    run(promtool, &["test", "rules", &path.display().to_string()])
}
