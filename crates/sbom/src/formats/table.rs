//! A table for people. It is not read back.

use component::{Component, Inventory};

/// The columns, with the order in which they are given up when the table is wider than the terminal; name and version stay.
const COLUMNS: [(&str, u8); 4] = [("NAME", 0), ("VERSION", 0), ("TYPE", 1), ("WHERE", 2)];

const GAP: usize = 2;

pub(super) fn write(inventory: &Inventory, width: usize) -> Vec<u8> {
    if inventory.components.is_empty() {
        return b"No components found.\n".to_vec();
    }
    let rows: Vec<_> = inventory.components.iter().map(row).collect();
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default().max(COLUMNS[column].0.len())
    });

    let mut columns: Vec<usize> = (0..COLUMNS.len()).collect();
    while columns.iter().map(|column| widths[*column] + GAP).sum::<usize>() > width + GAP {
        let Some(least) =
            columns.iter().copied().filter(|column| COLUMNS[*column].1 > 0).max_by_key(|column| COLUMNS[*column].1)
        else {
            break;
        };
        columns.retain(|column| *column != least);
    }

    let mut table = String::new();
    let header = std::array::from_fn(|column| COLUMNS[column].0.to_owned());
    for row in std::iter::once(&header).chain(&rows) {
        let mut line = String::new();
        for column in &columns {
            let cell = &row[*column];
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', widths[*column] + GAP - cell.chars().count()));
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table.into_bytes()
}

fn row(component: &Component) -> [String; 4] {
    let place = match component.locations.as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    };
    let version = component.version.as_deref().unwrap_or_default();
    // What an image says of itself must not speak to the terminal.
    let plain = |text: &str| text.replace(|character: char| character.is_control(), "\u{fffd}");
    [plain(&component.name), plain(version), component.package_type.name().to_owned(), plain(&place)]
}

#[cfg(test)]
mod tests {
    use component::{Location, PackageType, Subject, Technique};
    use insta::assert_snapshot;

    use super::*;

    fn table(width: usize) -> String {
        let component = |name: &str, version: Option<&str>, paths: &[&str]| {
            let mut component = Component::new(PackageType::Npm, name, "test", Technique::Lockfile);
            component.version = version.map(ToOwned::to_owned);
            component.locations = paths.iter().map(|path| Location::new(*path, None)).collect();
            component
        };
        let inventory = Inventory {
            subject: Subject::Directory { name: ".".into() },
            distribution: None,
            layers: Vec::new(),
            components: vec![
                component("left-pad", Some("1.3.0"), &["/app/package-lock.json", "/old/package-lock.json"]),
                component("\u{1b}[31mred\u{1b}[0m", Some("1\n2"), &[]),
                component("été", None, &["/app/package-lock.json"]),
            ],
            edges: Vec::new(),
            unknowns: Vec::new(),
            created: None,
        };
        String::from_utf8(write(&inventory, width)).unwrap()
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
        ");
        assert_snapshot!(table(0), @r"
        NAME          VERSION
        left-pad      1.3.0
        �[31mred�[0m  1�2
        été
        ");
    }
}
