use std::fmt::Write as _;

use anstyle::Style;

/// On which side a column is flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) align: Align,
    /// The use of the column: that with the least, the highest number, is the first that finds no room; 0 always finds some.
    pub(crate) rank: u8,
}

/// Rows under titles, laid out in a given width.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

const GAP: usize = 2;

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row, one cell for each column.
    pub(crate) fn row(&mut self, cells: &[String]) {
        assert_eq!(cells.len(), self.columns.len(), "a row has a cell for each column");
        let cells = cells.iter().map(|cell| super::printable(cell).replace(['\n', '\t'], " ")).collect();
        self.rows.push(cells);
    }

    /// Returns the table. It is never wrapped: of the columns, the most useful first, each is there that still finds room.
    pub(crate) fn render(&self, width: usize) -> String {
        let widths: Vec<usize> = self.columns.iter().enumerate().map(|(i, _)| self.width_of(i)).collect();
        let mut by_use: Vec<usize> = (0..self.columns.len()).collect();
        by_use.sort_by_key(|i| self.columns[*i].rank);
        let (mut kept, mut taken) = (Vec::new(), 0);
        for i in by_use {
            let needed = taken + widths[i];
            if self.columns[i].rank == 0 || needed <= width {
                kept.push(i);
                taken = needed + GAP;
            }
        }
        kept.sort_unstable();
        let bold = Style::new().bold();
        let titles: Vec<&str> = self.columns.iter().map(|column| column.title).collect();
        let mut text = format!("{bold}{}{bold:#}\n", self.line(&kept, &widths, &titles));
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            text.push_str(&self.line(&kept, &widths, &cells));
            text.push('\n');
        }
        text
    }

    fn width_of(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].chars().count());
        cells.chain([self.columns[column].title.chars().count()]).max().unwrap_or(0)
    }

    fn line(&self, kept: &[usize], widths: &[usize], cells: &[&str]) -> String {
        let mut line = String::new();
        for (position, &i) in kept.iter().enumerate() {
            let gap = if position == 0 { 0 } else { GAP };
            let _infallible = match self.columns[i].align {
                Align::Left => write!(line, "{:gap$}{:<width$}", "", cells[i], width = widths[i]),
                Align::Right => write!(line, "{:gap$}{:>width$}", "", cells[i], width = widths[i]),
            };
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let column = |title, align, rank| Column { title, align, rank };
        let mut table = Table::new(vec![
            column("NAME", Align::Left, 0),
            column("SIZE", Align::Right, 1),
            column("DIGEST", Align::Left, 3),
            column("PUSHED", Align::Left, 2),
        ]);
        table.row(&["team/api", "12", "sha256:9f2c", "today"].map(str::to_owned));
        table.row(&["b\u{1b}", "1234", "", ""].map(str::to_owned));
        table
    }

    fn rendered(width: usize) -> String {
        anstream::adapter::strip_str(&table().render(width)).to_string()
    }

    #[test]
    fn columns_are_dropped_until_it_fits() {
        let widest = "NAME      SIZE  DIGEST       PUSHED".len();
        insta::assert_snapshot!(rendered(widest), @"
        NAME      SIZE  DIGEST       PUSHED
        team/api    12  sha256:9f2c  today
        b�        1234
        ");
        insta::assert_snapshot!(rendered(widest - 1), @"
        NAME      SIZE  PUSHED
        team/api    12  today
        b�        1234
        ");
        insta::assert_snapshot!(rendered(0), @"
        NAME
        team/api
        b�
        ");
    }

    #[test]
    fn what_finds_no_room_leaves_it_to_what_is_of_less_use() {
        let column = |title, rank| Column { title, align: Align::Left, rank };
        let mut table = Table::new(vec![column("NAME", 0), column("TAGS", 2), column("PATH", 1), column("BY", 3)]);
        table.row(&["api", "1.4", "/usr/lib/python3/dist-packages", "ada"].map(str::to_owned));
        let titles = |width: usize| {
            let text = anstream::adapter::strip_str(&table.render(width)).to_string();
            text.lines().next().unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        for (width, expected) in [
            (0, "NAME"),
            (8, "NAME"),
            (9, "NAME BY"),
            (10, "NAME TAGS"),
            (14, "NAME TAGS"),
            (15, "NAME TAGS BY"),
            (35, "NAME TAGS BY"),
            (36, "NAME PATH"),
            (41, "NAME PATH BY"),
            (42, "NAME TAGS PATH"),
            (47, "NAME TAGS PATH BY"),
            (usize::MAX, "NAME TAGS PATH BY"),
        ] {
            assert_eq!(titles(width), expected, "{width}");
        }
    }
}
