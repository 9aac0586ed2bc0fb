//! KEV: CISA's catalogue of vulnerabilities that are known to be exploited, as JSON (`known_exploited_vulnerabilities_schema.json`)
//! and as CSV (RFC 4180, with the columns of that schema).

use serde::Deserialize;

use crate::wording::{self, NAME_BYTES_MAX};
use crate::{Document, Exploited, Problem, Reader, Records};

/// The largest document. The catalogue of 2026 has 1.5 MB.
const DOCUMENT_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The most vulnerabilities. The catalogue of 2026 has 1,500.
const VULNERABILITIES_MAX: usize = 20_000;

/// The most columns of a table. The catalogue has 11.
const COLUMNS_MAX: usize = 64;

pub(crate) const READER: Reader = Reader {
    name: "kev",
    summary: "CISA's catalogue of vulnerabilities that are known to be exploited",
    claims: is_claimed,
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

fn is_claimed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "known_exploited_vulnerabilities.json" | "known_exploited_vulnerabilities.csv")
}

fn read(document: &Document<'_>, records: &mut Records) {
    let bytes = document.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document.bytes).trim_ascii();
    let read = if bytes.starts_with(b"{") { read_json(bytes, records) } else { read_csv(bytes) };
    match read {
        Err(problem) => records.refuse(problem, document.path),
        Ok(stated) if stated.len() > VULNERABILITIES_MAX => {
            records.refuse(Problem::TooMany("vulnerabilities"), document.path);
        }
        Ok(stated) => stated.into_iter().for_each(|one| one.read(records)),
    }
}

#[derive(Deserialize)]
struct Catalogue {
    #[serde(rename = "dateReleased", default)]
    released: String,
    vulnerabilities: Vec<Stated>,
}

#[derive(Deserialize, Default)]
struct Stated {
    #[serde(rename = "cveID")]
    id: String,
    #[serde(rename = "dateAdded", default)]
    added: String,
    #[serde(rename = "dueDate", default)]
    due: String,
    #[serde(rename = "knownRansomwareCampaignUse", default)]
    ransomware: String,
}

fn read_json(bytes: &[u8], records: &mut Records) -> Result<Vec<Stated>, Problem> {
    let catalogue: Catalogue = serde_json::from_slice(bytes).map_err(|_| Problem::Format)?;
    records.state(wording::time(&catalogue.released));
    Ok(catalogue.vulnerabilities)
}

fn read_csv(bytes: &[u8]) -> Result<Vec<Stated>, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::Format)?;
    let mut rest = text;
    let columns = next_row(&mut rest).ok_or(Problem::Format)?;
    if columns.first().map(String::as_str) != Some("cveID") {
        return Err(Problem::Format);
    }
    let mut all = Vec::new();
    while !rest.is_empty() {
        let row = next_row(&mut rest).ok_or(Problem::Format)?;
        let mut stated = Stated::default();
        for (column, value) in columns.iter().zip(row) {
            match column.as_str() {
                "cveID" => stated.id = value,
                "dateAdded" => stated.added = value,
                "dueDate" => stated.due = value,
                "knownRansomwareCampaignUse" => stated.ransomware = value,
                _ => {}
            }
        }
        all.push(stated);
    }
    Ok(all)
}

/// Takes one row off: fields parted by commas, in quotes where they hold commas, quotes or ends of lines. None when a quote is
/// open at the end, or the row has more columns than are read.
fn next_row(rest: &mut &str) -> Option<Vec<String>> {
    let mut row = Vec::new();
    let mut field = String::new();
    let mut is_quoted = false;
    let mut characters = rest.char_indices().peekable();
    let mut end = rest.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                end = at + 1;
                break;
            }
            '\r' if !is_quoted => {}
            _ => field.push(character),
        }
        if row.len() >= COLUMNS_MAX {
            return None;
        }
    }
    row.push(field);
    *rest = rest.get(end..).unwrap_or_default();
    (!is_quoted).then_some(row)
}

impl Stated {
    fn read(self, records: &mut Records) {
        if !self.id.starts_with("CVE-") || self.id.len() > NAME_BYTES_MAX {
            return records.refuse(Problem::Format, &self.id);
        }
        let is_in_ransomware = match self.ransomware.as_str() {
            "Known" => true,
            "Unknown" | "" => false,
            _ => return records.refuse(Problem::Word("use in ransomware campaigns"), &self.id),
        };
        records.exploited.push(Exploited {
            id: self.id,
            added: wording::time(&self.added),
            due: wording::time(&self.due),
            is_in_ransomware,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "kev", bytes: text.as_bytes() }, &mut records);
        records
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        let check = |text: &str, expected: Problem| {
            let records = read_text(text);
            assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&expected], "{text}");
            assert_eq!(records.exploited, [], "{text}");
        };
        check("", Problem::Format);
        check("{}", Problem::Format);
        check("{", Problem::Format);
        check(r#"{"vulnerabilities": [{}]}"#, Problem::Format);
        check(r#"{"vulnerabilities": [{"cveID": "X-1"}]}"#, Problem::Format);
        check("cve,date", Problem::Format);
        check("cveID\n\"CVE-1", Problem::Format);
        check("cveID\nX-1", Problem::Format);
        check("cveID,knownRansomwareCampaignUse\nCVE-1,Maybe", Problem::Word("use in ransomware campaigns"));
    }

    #[test]
    fn limits_are_kept_on_both_sides() {
        let rows = |count: usize| format!("cveID\n{}", "CVE-1\n".repeat(count));
        assert_eq!(read_text(&rows(VULNERABILITIES_MAX)).exploited.len(), VULNERABILITIES_MAX);
        assert_eq!(
            read_text(&rows(VULNERABILITIES_MAX + 1)).problems.keys().collect::<Vec<_>>(),
            [&Problem::TooMany("vulnerabilities")]
        );
        let columns = |count: usize| format!("cveID{}\nCVE-1", ",x".repeat(count - 1));
        assert_eq!(read_text(&columns(COLUMNS_MAX)).exploited.len(), 1);
        assert_eq!(read_text(&columns(COLUMNS_MAX + 1)).problems.keys().collect::<Vec<_>>(), [&Problem::Format]);
    }

    #[test]
    fn a_catalogue_is_read_from_json_and_csv_alike() {
        let json = read_text(
            r#"{"title": "t", "count": 2, "vulnerabilities": [
                {"cveID": "CVE-1", "dateAdded": "1970-01-02", "dueDate": "1970-01-03", "knownRansomwareCampaignUse": "Known"},
                {"cveID": "CVE-2", "dateAdded": "1970-01-02", "dueDate": "", "knownRansomwareCampaignUse": "Unknown"}]}"#,
        );
        let csv = read_text(
            "\u{feff}cveID,notes,dateAdded,dueDate,knownRansomwareCampaignUse\r\n\
             CVE-1,\"a, \"\"b\"\"\nc\",1970-01-02,1970-01-03,Known\r\nCVE-2,,1970-01-02,,Unknown\r\n",
        );
        assert_eq!(json.problems.len(), 0);
        let one = Exploited { id: "CVE-1".to_owned(), added: Some(86_400), due: Some(172_800), is_in_ransomware: true };
        let two = Exploited { id: "CVE-2".to_owned(), due: None, is_in_ransomware: false, ..one.clone() };
        assert_eq!(json.exploited, [one, two]);
        assert_eq!(csv, json);
    }

    #[test]
    fn a_catalogue_is_of_the_day_of_its_release() {
        let newest = |released: &str| {
            let entry = r#"[{"cveID": "CVE-1", "dateAdded": "1970-01-02"}]"#;
            read_text(&format!(r#"{{{released} "vulnerabilities": {entry}}}"#)).newest(crate::Time::MAX)
        };
        assert_eq!(newest(r#""dateReleased": "1970-01-03T00:00:01.5Z","#), Some(172_801));
        assert_eq!(newest(r#""dateReleased": "soon","#), Some(86_400));
        assert_eq!(newest(""), Some(86_400));
    }

    #[test]
    fn claims_are_the_catalogue() {
        assert!(is_claimed("kev-data/known_exploited_vulnerabilities.json"));
        assert!(is_claimed("known_exploited_vulnerabilities.csv"));
        assert!(!is_claimed("known_exploited_vulnerabilities_schema.json"));
    }
}
