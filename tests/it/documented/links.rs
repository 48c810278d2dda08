//! Links between documents, and to files of the project.

use std::path::{Component, Path, PathBuf};

use super::document::{Document, project};

/// What is wrong with the links of a document. Those that leave the project are not followed: a test needs no net.
pub fn problems(document: &Document, documents: &[Document]) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, target) in &document.links {
        if target.contains("://") || target.starts_with("mailto:") || target.starts_with("data:") {
            continue;
        }
        if let Some(problem) = problem(document, documents, target) {
            problems.push(format!("{}:{line}: {target}: {problem}", document.name));
        }
    }
    problems
}

fn problem(document: &Document, documents: &[Document], target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let to = if path.is_empty() {
        document
    } else {
        let folder = Path::new(&document.name).parent().unwrap_or(Path::new(""));
        let Some(path) = normal(&folder.join(path)) else { return Some("leaves the project".to_owned()) };
        if !project().join(&path).exists() && documents.iter().all(|other| Path::new(&other.name) != path) {
            return Some("there is no such file".to_owned());
        }
        if anchor.is_empty() {
            return None;
        }
        let Some(to) = documents.iter().find(|other| Path::new(&other.name) == path) else {
            return Some("an anchor of what is no document".to_owned());
        };
        to
    };
    (!to.anchors.contains(anchor)).then(|| format!("{} has no heading for #{anchor}", to.name))
}

/// A path without `..`; nothing if it leads out of where it began.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}
