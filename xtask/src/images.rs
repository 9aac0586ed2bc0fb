//! `cargo xtask images`: images to measure and compare inventories with, as OCI layouts outside the checkout.
//!
//! Made of real packages by their own tools, as far as those are here; and generated ones, whose size is what they are for.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task says what it makes")]

mod check;
mod debian;
mod found;
mod generated;
mod go;
mod java;
mod layout;
mod node;
mod python;
mod referee;
mod rpm;
mod ruby;
mod rust;
mod workshop;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use crate::workspace::Workspace;
pub(crate) use check::check;
use referee::Referee;

/// Raised when an image is made in another way, so that it is made anew.
const VERSION: u32 = 2;

/// The file that says that an image is whole, and of which version.
const MARK: &str = "made";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Images to make [default: all]
    names: Vec<String>,
    /// Directory of the images [default: garrison/images in the cache directory]
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Makes them anew, whether they are there or not
    #[arg(long)]
    again: bool,
    /// Makes nothing: compares what Garrison finds in those that are there with what the tools said of them
    #[arg(long, conflicts_with = "again")]
    check: bool,
}

/// An image that can be made.
struct Recipe {
    name: &'static str,
    holds: &'static str,
    /// The programs without which it cannot be made.
    needs: &'static [&'static str],
    make: fn(&Path) -> anyhow::Result<()>,
    /// The tools that were asked about it.
    referees: &'static [Referee],
}

const RECIPES: [Recipe; 10] = [
    debian::RECIPE,
    rpm::RECIPE,
    python::RECIPE,
    node::RECIPE,
    java::RECIPE,
    ruby::RECIPE,
    rust::RECIPE,
    go::RECIPE,
    Recipe {
        name: "big",
        holds: "3 GB in 109,000 entries and 13 layers",
        needs: &[],
        make: generated::big,
        referees: &[],
    },
    Recipe {
        name: "empty",
        holds: "3,000,000 empty files in one layer",
        needs: &[],
        make: generated::empty,
        referees: &[],
    },
];

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let directory = arguments.directory.clone().map_or_else(directory, Ok)?;
    if let Some(unknown) = arguments.names.iter().find(|name| !RECIPES.iter().any(|recipe| recipe.name == **name)) {
        let names: Vec<_> = RECIPES.iter().map(|recipe| recipe.name).collect();
        bail!("there is no image `{unknown}`; there are {}", names.join(", "));
    }
    let is_wanted = |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|wanted| wanted == name);
    if arguments.check {
        let compared = check(workspace, &directory, is_wanted)?;
        ensure!(
            compared.images > 0,
            "no image to compare is in `{}`; `cargo xtask images` makes them",
            directory.display()
        );
        return Ok(());
    }
    let mut failed = Vec::new();
    for recipe in RECIPES.iter().filter(|recipe| is_wanted(recipe.name)) {
        let place = directory.join(recipe.name);
        if is_made(&place) && !arguments.again {
            println!("{:<8} there: {}", recipe.name, place.display());
            continue;
        }
        if let Some(absent) = recipe.needs.iter().find(|program| testkit::program(program).is_none()) {
            println!("{:<8} not made: `{absent}` is not on this machine", recipe.name);
            continue;
        }
        let started = Instant::now();
        println!("{:<8} {}", recipe.name, recipe.holds);
        match make(recipe, &place) {
            Ok(()) => println!("{:<8} made in {} s: {}", recipe.name, started.elapsed().as_secs(), place.display()),
            Err(error) => {
                eprintln!("{:<8} failed: {error:#}", recipe.name);
                failed.push(recipe.name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("not made: {}", failed.join(", ")) }
}

/// Returns the directory of the images.
pub(crate) fn directory() -> anyhow::Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?).join(".cache")
        }
    };
    Ok(cache.join("garrison/images"))
}

/// Returns the images that are there, by name.
pub(crate) fn made(directory: &Path) -> Vec<(&'static str, PathBuf)> {
    let places = RECIPES.iter().map(|recipe| (recipe.name, directory.join(recipe.name)));
    places.filter(|(_, place)| is_made(place)).collect()
}

fn is_made(place: &Path) -> bool {
    std::fs::read_to_string(place.join(MARK)).is_ok_and(|version| version.trim() == VERSION.to_string())
}

fn make(recipe: &Recipe, place: &Path) -> anyhow::Result<()> {
    if place.exists() {
        std::fs::remove_dir_all(place).with_context(|| format!("failed to remove `{}`", place.display()))?;
    }
    std::fs::create_dir_all(place).with_context(|| format!("failed to make `{}`", place.display()))?;
    (recipe.make)(place)?;
    std::fs::write(place.join(MARK), VERSION.to_string())?;
    Ok(())
}
