//! Images in every form, whole and broken.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod build;
mod contract;
mod hostile;
mod refused;
mod registry;

use std::fmt::Write as _;

use images::{Image, Local, Opened, Select};

/// Opens something and returns the image in it.
fn open(local: &Local, platform: Option<&str>) -> Result<Image, String> {
    let platform = platform.map(|text| images::parse_platform(text).unwrap());
    match local.open(platform.as_ref()) {
        Ok(Opened::Image(image)) => Ok(*image),
        Ok(opened) => Err(format!("taken as {}", opened.scheme())),
        Err(error) => Err(told(&error)),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, "; {error}");
        cause = error.source();
    }
    text
}

/// What a person would be told.
fn told(error: &images::Error) -> String {
    let mut text = chain(error);
    for hint in error.hints() {
        let _ = write!(text, "; hint: {hint}");
    }
    text
}

/// Why a layer was not read.
enum Unread {
    Closed(images::Error),
    Layer(sbom::Error),
}

impl From<sbom::Error> for Unread {
    fn from(error: sbom::Error) -> Self {
        Self::Layer(error)
    }
}

/// Reads all layers, digests checked, and returns what is in the image.
fn inventory(image: &Image) -> Result<String, String> {
    let matcher = sbom::Matcher::new(sbom::catalogers().iter().collect());
    let mut records = Vec::new();
    for layer in &image.layers {
        let (digest, diff_id) = (layer.digest.as_ref(), Some(&layer.diff_id));
        let allowance = sbom::Allowance::new(images::temporary_file);
        let read =
            sbom::read_layer(|| image.open_layer(layer).map_err(Unread::Closed), digest, diff_id, &matcher, &allowance);
        let read = read.map_err(|unread| match unread {
            Unread::Closed(error) => told(&error),
            Unread::Layer(error) => chain(&error),
        })?;
        assert_eq!(read.size_bytes, layer.size_bytes, "the size is that of what is read");
        records.push(read.record);
    }
    let subject = component::Subject::Image { name: String::new(), digest: String::new(), platform: None };
    let source = sbom::Source {
        subject,
        layers: Vec::new(),
        records: &records.iter().collect::<Vec<_>>(),
        created: image.created.clone(),
    };
    let inventory = sbom::inventory(source, &matcher, sbom::LayerScope::Squashed);
    Ok(sbom::testing::render(&inventory))
}

fn any(path: &std::path::Path) -> (std::path::PathBuf, Select) {
    (path.to_owned(), Select::Any)
}
