//! A table: aligned on the terminal, Markdown in a file.

use std::fmt::Write as _;

/// Rows below a head.
#[derive(Debug, Clone)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(head: &[&str]) -> Table {
        Table(vec![head.iter().map(|&cell| cell.to_owned()).collect()])
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }

    /// What [`markdown`](Table::markdown) gave.
    pub(crate) fn parse(markdown: &str) -> Table {
        let rows = markdown.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
        Table(rows.map(|row| row.split(" | ").map(str::to_owned).collect()).collect())
    }

    /// With the rows of another in the place of those that begin alike.
    pub(crate) fn with(mut self, other: &Table) -> Table {
        for row in &other.0 {
            match self.0.iter_mut().find(|before| before.first() == row.first()) {
                Some(before) => before.clone_from(row),
                None => self.0.push(row.clone()),
            }
        }
        self
    }

    fn width(&self, column: usize) -> usize {
        self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    /// For the terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for row in &self.0 {
            for (column, cell) in row.iter().enumerate() {
                let _ = write!(text, "  {cell:width$}", width = self.width(column));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    /// For a file.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        for (nth, row) in self.0.iter().enumerate() {
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if nth == 0 {
                let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
            }
        }
        text
    }
}
