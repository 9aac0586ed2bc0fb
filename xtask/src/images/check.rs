//! `cargo xtask images --check`: what Garrison finds in the images, against what the ecosystems' own tools said of them.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::found::Inventory;
use super::referee::Said;
use super::{RECIPES, Recipe, is_made};
use crate::steps::say;
use crate::workspace::{Workspace, execute};

/// What was compared.
pub(crate) struct Compared {
    pub(crate) images: usize,
    /// Images that are not there.
    pub(crate) absent: Vec<&'static str>,
}

/// Compares the images that are there. Any difference is an error.
pub(crate) fn check(workspace: &Workspace, directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Compared> {
    let judged: Vec<&Recipe> =
        RECIPES.iter().filter(|recipe| !recipe.referees.is_empty() && is_wanted(recipe.name)).collect();
    let (there, absent): (Vec<&Recipe>, Vec<&Recipe>) =
        judged.into_iter().partition(|recipe| is_made(&directory.join(recipe.name)));
    let compared = Compared { images: there.len(), absent: absent.iter().map(|recipe| recipe.name).collect() };
    if !there.is_empty() {
        execute(workspace.cargo().args(["build", "--quiet", "-p", "garrison"]))?;
    }
    let program = workspace.target_directory().join("debug/garrison");
    let mut wrong = 0;
    for recipe in there {
        wrong += compare(workspace, &program, recipe, &directory.join(recipe.name))?;
    }
    for name in &compared.absent {
        say(&format!("{name:<8} SKIPPED: the image is not there"));
    }
    ensure!(wrong == 0, "{wrong} differences between what Garrison finds and what the tools say");
    Ok(compared)
}

/// Returns how many differences there are that should not be.
fn compare(workspace: &Workspace, program: &Path, recipe: &Recipe, image: &Path) -> Result<usize> {
    let whole = inventory(workspace, program, image, None)?;
    let mut wrong = 0;
    for referee in recipe.referees {
        let alone =
            if referee.is_alone { Some(inventory(workspace, program, image, Some(referee.cataloger))?) } else { None };
        let verdict = referee.judge(&Said::of(image), alone.as_ref().unwrap_or(&whole))?;
        let known = if verdict.known == 0 { String::new() } else { format!("; {} known differences", verdict.known) };
        let word = if verdict.wrong.is_empty() { "same" } else { "DIFFERENT" };
        say(&format!("{:<8} {word}: {}: {}{known}", recipe.name, referee.asked, verdict.compared));
        verdict.wrong.iter().for_each(|line| say(&format!("         {line}")));
        wrong += verdict.wrong.len();
    }
    Ok(wrong)
}

/// Returns what Garrison finds, by all of its catalogers or by one.
fn inventory(workspace: &Workspace, program: &Path, image: &Path, cataloger: Option<&str>) -> Result<Inventory> {
    let workshop = tempfile::tempdir()?;
    let document = workshop.path().join("document.json");
    let mut command = workspace.command(program);
    command.args(["sbom", "--quiet", "--no-cache", "-o"]).arg(format!("cyclonedx-json={}", document.display()));
    command.args(cataloger.iter().flat_map(|cataloger| ["--select", cataloger]));
    execute(command.arg(format!("oci:{}", image.display())))?;
    Inventory::read(&fs::read_to_string(document)?)
}
