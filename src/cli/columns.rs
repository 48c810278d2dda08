//! Tables: columns as wide as what stands in them.

use std::fmt::Write as _;

/// What stands in one place of a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    /// Numbers stand at the right edge of their column.
    right: bool,
}

impl Cell {
    /// A text, which may be of somebody else's. What would move the cursor of a terminal is taken out.
    pub(super) fn text(text: &str) -> Self {
        Self { text: visible(text), right: false }
    }

    pub(super) fn number(text: &str) -> Self {
        Self { text: text.to_owned(), right: true }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// A text without what would move the cursor of a terminal.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

/// The rows as lines, the first of which is the one of headings.
pub(super) fn lines(rows: &[Vec<Cell>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let space = " ".repeat(width - cell.width());
            let (before, after) = if cell.right { (&*space, "") } else { ("", &*space) };
            let _ = write!(line, "{before}{}{after}  ", cell.text);
        }
        table += line.trim_end();
        table.push('\n');
    }
    table
}
