//! A table without borders: a heading, columns two spaces apart, numbers to the right.

use anstyle::Style;
use comfy_table::{CellAlignment, Table as Comfy, TableStyle};

use super::words::fitting;

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Left(&'static str),
    Right(&'static str),
}

/// Rows of texts, each with the style of its line.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<(Style, Vec<String>)>,
}

impl Table {
    pub(super) fn new(columns: impl Into<Vec<Column>>) -> Table {
        Table { columns: columns.into(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, style: Style, cells: impl IntoIterator<Item = String>) {
        self.rows.push((style, cells.into_iter().collect()));
    }

    /// The lines; columns that hold nothing at all are left out, and what is too long for the terminal is cut off.
    pub(super) fn lines(&self, width: Option<usize>) -> Vec<String> {
        let is_used =
            |at: &usize| self.rows.iter().any(|(_, cells)| cells.get(*at).is_some_and(|cell| !cell.is_empty()));
        let used: Vec<usize> = (0..self.columns.len()).filter(is_used).collect();
        let mut table = Comfy::new();
        table.load_style(TableStyle::new());
        table.set_header(used.iter().map(|&at| self.columns[at].heading()).collect::<Vec<_>>());
        for (_, cells) in &self.rows {
            table.add_row(used.iter().map(|&at| cells[at].as_str()).collect::<Vec<_>>());
        }
        for (place, &at) in used.iter().enumerate() {
            if let Some(column) = table.column_mut(place) {
                column.set_padding((0, 2));
                column.set_cell_alignment(self.columns[at].alignment());
            }
        }
        let styles = std::iter::once(Style::new().dimmed()).chain(self.rows.iter().map(|(style, _)| *style));
        let lines = table.lines().map(|line| fitting(line.trim_end(), width.unwrap_or(usize::MAX)));
        lines.zip(styles).map(|(line, style)| format!("{style}{line}{style:#}")).collect()
    }
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Column::Left(heading) | Column::Right(heading) => heading,
        }
    }

    fn alignment(self) -> CellAlignment {
        match self {
            Column::Left(_) => CellAlignment::Left,
            Column::Right(_) => CellAlignment::Right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_empty_columns_are_left_out() {
        let mut table = Table::new([Column::Right("GEN"), Column::Left("NOTE"), Column::Left("STATE")]);
        table.row(Style::new(), ["12".into(), String::new(), "serving".into()]);
        table.row(Style::new(), ["3".into(), String::new(), "draining, and it takes long".into()]);
        let lines: Vec<String> =
            table.lines(Some(16)).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(lines, ["GEN  STATE", " 12  serving", "  3  draining, …"]);
    }
}
