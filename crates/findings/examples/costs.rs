//! Measures what a scan is made of, once its database is open:
//! `cargo run --release -p garrison-findings --example costs -- DATABASE SBOM [RUNS]`.
//!
//! Prints a line of a table for each step, of which the fastest run counts.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use component::Inventory;
use findings::{DocumentOptions, Format, Options, Report, TableOptions};
use vulndb::file::Database;
use vulndb::matching;

const RUNS: usize = 20;
const WIDTH: usize = 120;

#[expect(clippy::print_stdout, reason = "a report for people")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let [database, document] =
        [arguments.next(), arguments.next()].map(|argument| argument.ok_or("a database and an SBOM are needed"));
    let (database, document) = (std::fs::read(database?)?, std::fs::read(document?)?);
    let runs = arguments.next().map_or(Ok(RUNS), |text| text.parse())?.max(1);
    let inventory = sbom::formats::read(&document)?.inventory;
    let opened = Database::open(database.as_slice())?;
    let plain = Options::default();
    let with_summaries = Options { with_summaries: true, ..plain };
    let report = Report::of(&opened, &inventory, &with_summaries)?;
    println!("{} components, {} findings", inventory.components.len(), report.findings.len());
    let measured = [
        ("open the database", fastest(runs, || Database::open(database.as_slice()).is_ok())),
        ("read the SBOM", fastest(runs, || sbom::formats::read(&document).is_ok())),
        ("match", fastest(runs, || matching::match_inventory(&opened, &inventory).is_ok())),
        ("match and report", fastest(runs, || Report::of(&opened, &inventory, &plain).is_ok())),
        ("match and report with summaries", fastest(runs, || Report::of(&opened, &inventory, &with_summaries).is_ok())),
        ("write as table", fastest(runs, || write("table", &report, &inventory))),
        ("write as json", fastest(runs, || write("json", &report, &inventory))),
        ("write as grype-json", fastest(runs, || write("grype-json", &report, &inventory))),
        ("write as sarif", fastest(runs, || write("sarif", &report, &inventory))),
        ("write as cyclonedx-json", fastest(runs, || write("cyclonedx-json", &report, &inventory))),
    ];
    for (step, time) in measured {
        println!("{step}: {:.2} ms", time.as_secs_f64() * 1e3);
    }
    Ok(())
}

fn fastest<T>(runs: usize, mut step: impl FnMut() -> T) -> Duration {
    let mut timed = || {
        let start = Instant::now();
        black_box(step());
        start.elapsed()
    };
    (0..runs).map(|_| timed()).min().unwrap_or_default()
}

fn write(format: &str, report: &Report, inventory: &Inventory) -> usize {
    let table = TableOptions { width: WIDTH, now: None, milliseconds: None };
    let options = DocumentOptions { table, timestamp: None };
    format.parse::<Format>().map_or(0, |format| format.write(report, inventory, &options).bytes.len())
}
