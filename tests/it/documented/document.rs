//! A document of the project, as a reader finds it.
//!
//! Owns: which documents there are, and what in them is a link, a heading, a block or a span of code.
//! Must not: know what any of these should be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

/// Where documents are looked for, below the folder of the project.
const PLACES: [&str; 5] = ["README.md", "CHANGELOG.md", "docs", "deploy", "grafana/README.md"];

/// Pages with gaps in them, of which `make rules` makes pages of `docs/runbooks`: those are looked at.
const TEMPLATES: &str = "docs/runbooks/templates";

/// A document in Markdown.
pub struct Document {
    /// Its path below the folder of the project.
    pub name: String,
    /// Targets of links and pictures, each with its line.
    pub links: Vec<(usize, String)>,
    /// The anchors that its headings make.
    pub anchors: BTreeSet<String>,
    /// Blocks of code.
    pub blocks: Vec<Block>,
    /// Code within sentences, each with its line.
    pub spans: Vec<(usize, String)>,
}

/// A block of code.
pub struct Block {
    /// What language it says it is, or nothing.
    pub language: String,
    /// The line of the document that its first line is.
    pub line: usize,
    pub text: String,
}

/// The folder of the project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Document {
    /// All documents of the project.
    pub fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        for place in PLACES {
            collect(&project().join(place), &mut paths);
        }
        paths.sort();
        let read = |path: &PathBuf| {
            let name = path.strip_prefix(project()).expect("below the project").to_string_lossy();
            Self::new(&name, &std::fs::read_to_string(path).expect("a document"))
        };
        let documents: Vec<_> = paths.iter().map(read).collect();
        assert!(documents.len() > 50, "only {} documents were found", documents.len());
        documents
    }

    /// A document of this name and text.
    pub fn new(name: &str, text: &str) -> Self {
        let mut document = Self {
            name: name.to_owned(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
            blocks: Vec::new(),
            spans: Vec::new(),
        };
        let line_at = |offset: usize| 1 + text[..offset].matches('\n').count();
        let mut heading: Option<String> = None;
        let mut block: Option<Block> = None;
        let mut seen = BTreeMap::new();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = line_at(range.start);
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((line, dest_url.into_string()));
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    document.links.extend(targets(&html).into_iter().map(|target| (line, target)));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    document.anchors.insert(anchor(&heading.take().unwrap_or_default(), &mut seen));
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match &kind {
                        CodeBlockKind::Fenced(info) => info.split(' ').next().unwrap_or_default().to_owned(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    let first = if matches!(kind, CodeBlockKind::Fenced(_)) { line + 1 } else { line };
                    block = Some(Block { language, line: first, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => document.blocks.extend(block.take()),
                Event::Text(text) => {
                    if let Some(block) = &mut block {
                        block.text += &text;
                    } else if let Some(heading) = &mut heading {
                        *heading += &text;
                    }
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        *heading += &code;
                    }
                    document.spans.push((line, code.into_string()));
                }
                _ => {}
            }
        }
        document
    }
}

fn collect(path: &Path, paths: &mut Vec<PathBuf>) {
    if path.is_file() {
        paths.push(path.to_owned());
        return;
    }
    if path == project().join(TEMPLATES) {
        return;
    }
    for entry in std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "md") {
            collect(&path, paths);
        }
    }
}

/// What HTML leads to.
fn targets(html: &str) -> Vec<String> {
    let attribute = Regex::new(r#"(?:href|src|srcset)="([^"]*)""#).expect("a pattern");
    attribute.captures_iter(html).map(|found| found[1].to_owned()).collect()
}

/// The anchor that a heading gets where Markdown is shown: small letters, digits, hyphens; the second of two equal ones a number.
fn anchor(heading: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    let anchor: String = kept.map(|it| if it == ' ' { '-' } else { it }).collect();
    let before = seen.entry(anchor.clone()).or_default();
    *before += 1;
    if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
}
