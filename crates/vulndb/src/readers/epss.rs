//! EPSS: how probable it is that vulnerabilities are exploited, as FIRST.org publishes it each day: a table of
//! `cve,epss,percentile` (<https://www.first.org/epss/data_stats>). Collections by year part the same columns by semicolons.

use crate::wording;
use crate::{Document, Probability, Problem, Reader, Records, Time};

/// The largest document. The table of 2026 has 11 MB.
const DOCUMENT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// The most rows of a table. That of 2026 has 360,000.
const ROWS_MAX: usize = 2_000_000;

/// The longest name of a vulnerability. `CVE-2024-1000001` has 16 bytes.
const ID_BYTES_MAX: usize = 32;

pub(crate) const READER: Reader = Reader {
    name: "epss",
    summary: "FIRST.org's estimates of how probable it is that vulnerabilities are exploited",
    claims: is_claimed,
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

fn is_claimed(path: &str) -> bool {
    crate::wording::has_extension(path, "csv")
}

fn read(document: &Document<'_>, records: &mut Records) {
    let Ok(text) = std::str::from_utf8(document.bytes) else {
        return records.refuse(Problem::Format, document.path);
    };
    read_table(text.strip_prefix('\u{feff}').unwrap_or(text), document.path, ROWS_MAX, records);
}

fn read_table(text: &str, path: &str, rows_max: usize, records: &mut Records) {
    records.state(text.lines().next().and_then(score_date));
    let mut is_empty = true;
    for (count, line) in text.lines().map(str::trim).filter(|line| is_row(line)).enumerate() {
        if count >= rows_max {
            return records.refuse(Problem::TooMany("rows"), path);
        }
        is_empty = false;
        match read_row(line) {
            Some(probability) => records.probabilities.push(probability),
            None => records.refuse(Problem::Format, line),
        }
    }
    if is_empty {
        records.refuse(Problem::Format, path);
    }
}

/// Returns when the scores were made: `#model_version:v2025.03.14,score_date:2026-01-01T12:55:00Z`. Until 2025 the offset had no colon.
fn score_date(line: &str) -> Option<Time> {
    let mut stated = line.trim().strip_prefix('#')?.split(',');
    let date = stated.find_map(|part| part.trim().strip_prefix("score_date:"))?;
    wording::time(&date.replace("+0000", "Z"))
}

/// The first line is the one of [`score_date`], the second has the columns' names.
fn is_row(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#') && !line.starts_with("cve,") && !line.starts_with("cve;")
}

fn read_row(line: &str) -> Option<Probability> {
    let mut fields = line.split([',', ';']);
    let (id, probability, percentile) = (fields.next()?, fields.next()?, fields.next()?);
    let is_known = id.starts_with("CVE-") && id.len() <= ID_BYTES_MAX && fields.next().is_none();
    is_known.then_some(())?;
    Some(Probability { id: id.to_owned(), probability: share(probability)?, percentile: share(percentile)? })
}

/// From 0 to 1, which leaves out what is no number.
fn share(text: &str) -> Option<f32> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "epss.csv", bytes: text.as_bytes() }, &mut records);
        records
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in ["", "\n", "#model_version:v1\n", "cve,epss,percentile\n"] {
            assert_eq!(read_text(text).problems, [(Problem::Format, (1, "epss.csv".to_owned()))].into(), "{text}");
        }
        for line in [
            "CVE-1",
            "CVE-1,0.5",
            "CVE-1,0.5,0.5,1",
            "GHSA-1,0.5,0.5",
            "CVE-1,one,0.5",
            "CVE-1,NaN,0.5",
            "CVE-1,1.1,0.5",
            "CVE-1,0.5,-0.1",
            "CVE-1,inf,0.5",
        ] {
            let records = read_text(&format!("CVE-2,0,1\n{line}\n"));
            assert_eq!(records.probabilities.len(), 1, "{line}");
            assert_eq!(records.problems, [(Problem::Format, (1, line.to_owned()))].into());
        }
        let mut records = Records::default();
        READER.read(&Document { path: "epss.csv", bytes: b"\xff" }, &mut records);
        assert_eq!(records.problems.len(), 1);
    }

    #[test]
    fn scores_are_of_the_day_that_stands_above_them() {
        for (line, expected) in [
            ("", None),
            ("cve,epss,percentile", None),
            ("#model_version:v2025.03.14", None),
            ("#score_date:yesterday", None),
            ("#model_version:v2025.03.14,score_date:2026-01-01T12:55:00Z", Some(1_767_272_100)),
            ("#model_version:v2023.03.01,score_date:2024-01-01T00:00:00+0000", Some(1_704_067_200)),
        ] {
            assert_eq!(read_text(&format!("{line}\r\nCVE-1999-0001,0.5,0.75\n")).newest(Time::MAX), expected, "{line}");
        }
    }

    #[test]
    fn a_table_is_read_as_it_is_published_and_as_it_is_collected() {
        let expected = [
            Probability { id: "CVE-1999-0001".to_owned(), probability: 0.5, percentile: 0.75 },
            Probability { id: "CVE-2021-44228".to_owned(), probability: 1.0, percentile: 1.0 },
        ];
        for text in [
            "#model_version:v2025.03.14,score_date:2026-01-01T12:55:00Z\ncve,epss,percentile\n\
             CVE-1999-0001,0.5,0.75\nCVE-2021-44228,1,1\n",
            "CVE-1999-0001;0.500000000;0.750000000\r\nCVE-2021-44228;1.000000000;1.000000000",
        ] {
            let records = read_text(text);
            assert_eq!(records.probabilities, expected);
            assert_eq!(records.problems.len(), 0);
        }
    }

    #[test]
    fn limits_are_kept_on_both_sides() {
        let id = |bytes: usize| read_text(&format!("CVE-{},0,0", "1".repeat(bytes - 4))).probabilities.len();
        assert_eq!((id(ID_BYTES_MAX), id(ID_BYTES_MAX + 1)), (1, 0));
        let rows = |count: usize| {
            let mut records = Records::default();
            read_table(&"CVE-1,0,0\n".repeat(count), "epss.csv", 3, &mut records);
            records
        };
        assert_eq!((rows(2).problems.len(), rows(3).problems.len()), (0, 0));
        assert_eq!(rows(4).problems.keys().collect::<Vec<_>>(), [&Problem::TooMany("rows")]);
    }
}
