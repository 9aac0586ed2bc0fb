//! A table for people. It is not read back.

use std::fmt::Write as _;

use component::{Component, Inventory, plain};

use super::{Overlong, foreign};

/// The columns, with the order in which they are given up when the table is wider than the terminal; name and version stay. In a file all do.
const COLUMNS: [(&str, u8); 4] = [("NAME", 0), ("VERSION", 0), ("TYPE", 1), ("WHERE", 2)];

const GAP: usize = 2;

/// The least that names and versions have, on a terminal however narrow.
const LEAST: usize = 8;

/// Stands for what is left out of a cell.
const LEFT_OUT: char = '\u{2026}';

pub(super) fn write(inventory: &Inventory, width: usize, overlong: Overlong) -> Vec<u8> {
    if inventory.components.is_empty() {
        return b"No components found.\n".to_vec();
    }
    let rows: Vec<_> = inventory.components.iter().map(row).collect();
    let mut widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default().max(COLUMNS[column].0.len())
    });

    let mut columns: Vec<usize> = (0..COLUMNS.len()).collect();
    let mut left_out: Vec<&str> = Vec::new();
    let is_wide = |columns: &[usize]| columns.iter().map(|column| widths[*column] + GAP).sum::<usize>() > width + GAP;
    while overlong == Overlong::Shortened && is_wide(&columns) {
        let given_up = columns.iter().copied().filter(|column| COLUMNS[*column].1 > 0);
        let Some(least) = given_up.max_by_key(|column| COLUMNS[*column].1) else { break };
        columns.retain(|column| *column != least);
        left_out.insert(0, COLUMNS[least].0);
    }
    if overlong == Overlong::Shortened && widths[0] + GAP + widths[1] > width {
        (widths[0], widths[1]) = shared(widths[0], widths[1], width);
    }

    let mut table = String::new();
    let mut shortened = 0_usize;
    let header = std::array::from_fn(|column| COLUMNS[column].0.to_owned());
    for row in std::iter::once(&header).chain(&rows) {
        let mut line = String::new();
        for column in &columns {
            let (cell, room) = (&row[*column], widths[*column]);
            let length = cell.chars().count();
            if length > room && overlong == Overlong::Shortened {
                line.push_str(&without_middle(cell, length, room));
                shortened += 1;
            } else {
                line.push_str(cell);
            }
            line.extend(std::iter::repeat_n(' ', (room + GAP).saturating_sub(length).max(GAP)));
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    let shortened = match shortened {
        0 => None,
        1 => Some("1 cell is shortened".to_owned()),
        _ => Some(format!("{shortened} cells are shortened")),
    };
    let left_out = match left_out.as_slice() {
        [] => None,
        [one] => Some(format!("{one} is left out")),
        several => Some(format!("{} are left out", several.join(" and "))),
    };
    let told: Vec<String> = left_out.into_iter().chain(shortened).collect();
    if !told.is_empty() {
        let told = told.join(", ");
        let _infallible = writeln!(table, "\n{told} to fit {width} columns; in a file or through a pipe all is whole.");
    }
    table.into_bytes()
}

/// Shares a width between names and versions that are together wider: versions have a third, and what names leave.
fn shared(names: usize, versions: usize, width: usize) -> (usize, usize) {
    let room = width.saturating_sub(GAP).max(2 * LEAST);
    let versions = versions.min((room / 3).max(LEAST).max(room.saturating_sub(names)));
    (room - versions, versions)
}

/// Returns a text of `length` characters in `room` of them: its beginning and its end, of names and versions the telling parts.
fn without_middle(text: &str, length: usize, room: usize) -> String {
    let kept = room.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    text.chars().take(head).chain([LEFT_OUT]).chain(text.chars().skip(length - tail)).collect()
}

fn row(component: &Component) -> [String; 4] {
    let place = match component.locations.as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    };
    let version = component.version.as_deref().unwrap_or_default();
    // What an image says of itself must not speak to the terminal.
    [plain(&component.name), plain(version), foreign::kind(component).to_owned(), plain(&place)]
}

#[cfg(test)]
mod tests {
    use component::{Location, PackageType, Subject, Technique};
    use insta::assert_snapshot;

    use super::*;

    fn inventory(components: Vec<Component>) -> Inventory {
        Inventory {
            subject: Subject::Directory { name: ".".into() },
            distribution: None,
            layers: Vec::new(),
            components,
            edges: Vec::new(),
            unknowns: Vec::new(),
            created: None,
        }
    }

    fn component(name: &str, version: Option<&str>, paths: &[&str]) -> Component {
        let mut component = Component::new(PackageType::Npm, name, "test", Technique::Lockfile);
        component.version = version.map(ToOwned::to_owned);
        component.locations = paths.iter().map(|path| Location::new(*path, None)).collect();
        component
    }

    fn table(width: usize) -> String {
        let inventory = inventory(vec![
            component("left-pad", Some("1.3.0"), &["/app/package-lock.json", "/old/package-lock.json"]),
            component("\u{1b}[31mred\u{1b}[0m", Some("1\n2"), &[]),
            component("été", None, &["/app/package-lock.json"]),
        ]);
        String::from_utf8(write(&inventory, width, Overlong::Shortened)).unwrap()
    }

    fn wide(width: usize, overlong: Overlong) -> String {
        let inventory = inventory(vec![
            component(
                "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager",
                Some("v0.0.0-20210617225240-d185dfc1b5a1"),
                &["/a"],
            ),
            component("left-pad", Some("1.3.0"), &["/app/package-lock.json"]),
        ]);
        String::from_utf8(write(&inventory, width, overlong)).unwrap()
    }

    #[test]
    fn what_turns_the_direction_of_writing_is_shown_as_what_it_is() {
        let inventory = inventory(vec![component("a\u{202e}b", Some("1\u{2066}\u{2069}2"), &["/\u{200b}c"])]);
        let shown = String::from_utf8(write(&inventory, 80, Overlong::Whole)).unwrap();
        assert_snapshot!(shown, @r"
        NAME  VERSION  TYPE  WHERE
        a�b   1��2     npm   /�c
        ");
    }

    #[test]
    fn a_table_gives_up_columns_until_it_fits() {
        let whole = table(80);
        let widest = whole.lines().map(|line| line.chars().count()).max().unwrap();
        assert_snapshot!(whole, @r"
        NAME          VERSION  TYPE  WHERE
        left-pad      1.3.0    npm   /app/package-lock.json +1
        �[31mred�[0m  1�2      npm
        été                    npm   /app/package-lock.json
        ");
        assert_eq!(table(widest), whole);
        assert_snapshot!(table(widest - 1), @r"
        NAME          VERSION  TYPE
        left-pad      1.3.0    npm
        �[31mred�[0m  1�2      npm
        été                    npm

        WHERE is left out to fit 53 columns; in a file or through a pipe all is whole.
        ");
        assert_snapshot!(table(0), @r"
        NAME       VERSION
        left-pad   1.3.0
        �[31…�[0m  1�2
        été

        TYPE and WHERE are left out, 1 cell is shortened to fit 0 columns; in a file or through a pipe all is whole.
        ");
    }

    #[test]
    fn what_is_too_wide_is_whole_in_a_file_and_shortened_on_a_terminal() {
        let fits = "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager  v0.0.0-20210617225240-d185dfc1b5a1".len();
        assert_snapshot!(wide(fits, Overlong::Whole), @r"
        NAME                                                   VERSION                             TYPE  WHERE
        github.com/Azure/azure-sdk-for-go/sdk/resourcemanager  v0.0.0-20210617225240-d185dfc1b5a1  npm   /a
        left-pad                                               1.3.0                               npm   /app/package-lock.json
        ");
        for width in [fits - 1, 60, 0] {
            assert_eq!(wide(width, Overlong::Whole), wide(fits, Overlong::Whole), "{width}");
        }
        assert_snapshot!(wide(fits, Overlong::Shortened), @r"
        NAME                                                   VERSION
        github.com/Azure/azure-sdk-for-go/sdk/resourcemanager  v0.0.0-20210617225240-d185dfc1b5a1
        left-pad                                               1.3.0

        TYPE and WHERE are left out to fit 89 columns; in a file or through a pipe all is whole.
        ");
        assert_snapshot!(wide(fits - 1, Overlong::Shortened), @r"
        NAME                                                   VERSION
        github.com/Azure/azure-sdk-for-go/sdk/resourcemanager  v0.0.0-202106172…240-d185dfc1b5a1
        left-pad                                               1.3.0

        TYPE and WHERE are left out, 1 cell is shortened to fit 88 columns; in a file or through a pipe all is whole.
        ");
        assert_snapshot!(wide(60, Overlong::Shortened), @r"
        NAME                                     VERSION
        github.com/Azure/az…sdk/resourcemanager  v0.0.0-20…5dfc1b5a1
        left-pad                                 1.3.0

        TYPE and WHERE are left out, 2 cells are shortened to fit 60 columns; in a file or through a pipe all is whole.
        ");
    }

    #[test]
    fn a_table_on_a_terminal_is_never_wider_than_it() {
        for width in 18..120 {
            let table = wide(width, Overlong::Shortened);
            let rows = table.lines().take_while(|line| !line.is_empty());
            let widest = rows.map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width, "{width}: {table}");
        }
        let narrowest = wide(18, Overlong::Shortened);
        assert_eq!(
            wide(0, Overlong::Shortened).lines().take(3).collect::<Vec<_>>(),
            narrowest.lines().take(3).collect::<Vec<_>>()
        );
    }
}
