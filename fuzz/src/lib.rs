//! What the targets of catalogers share: catalogers whose claims are compiled once, and what must hold of every inventory.

pub mod vulndb_file;

use component::{Inventory, Subject};
use sbom::{Allowance, Cataloger, LayerBuilder, LayerScope, Matcher, Source, catalogers, inventory};

/// Returns a cataloger by its name.
pub fn cataloger(name: &str) -> &'static Cataloger {
    catalogers().iter().find(|cataloger| cataloger.name == name).expect("the cataloger is there")
}

/// Catalogers, ready to read files.
pub struct Catalogers(Matcher);

impl Catalogers {
    /// Compiles the claims of some catalogers.
    pub fn new(names: &[&str]) -> Self {
        Self(Matcher::new(names.iter().map(|name| cataloger(name)).collect()))
    }

    /// Returns what is found in a directory that holds the files: absolute path, and bytes.
    pub fn read(&self, files: &[(&str, &[u8])]) -> Inventory {
        let allowance = Allowance::new(|| Err(std::io::ErrorKind::Unsupported.into()));
        let mut builder = LayerBuilder::new(&self.0, &allowance);
        for (path, bytes) in files {
            let path = path.trim_start_matches('/');
            builder.add_file(path, 0o755, bytes.len() as u64, &mut &**bytes).expect("the files make a layer");
        }
        let record = builder.finish();
        let subject = Subject::Directory { name: String::new() };
        inventory(
            Source { subject, layers: Vec::new(), records: &[&record], created: None },
            &self.0,
            LayerScope::Squashed,
        )
    }
}

/// A cataloger of a family, and the files that it claims: one with the bytes in question, one beside it.
pub type Kind = (&'static str, &'static str, &'static str);

/// Catalogers of files that are like each other.
pub struct Family(Vec<(Kind, Catalogers)>);

impl Family {
    /// Compiles the claims of each cataloger.
    pub fn new(kinds: &[Kind]) -> Self {
        Self(kinds.iter().map(|kind| (*kind, Catalogers::new(&[kind.0]))).collect())
    }

    /// Returns what one cataloger finds. The first byte of the input chooses it; what stands behind a zero byte is the other file.
    ///
    /// # Panics
    /// If what is found has no name, or a name or version that is longer than any may be.
    pub fn read(&self, input: &[u8]) -> Option<Inventory> {
        let (choice, input) = input.split_first()?;
        let ((_, file, beside), catalogers) = &self.0[usize::from(*choice) % self.0.len()];
        let split = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
        let other = input.get(split + 1..).unwrap_or_default();
        let inventory = catalogers.read(&[(file, &input[..split]), (beside, other)]);
        for component in &inventory.components {
            assert!(!component.name.is_empty() && component.name.len() <= 512);
            assert!(component.version.as_ref().is_none_or(|version| !version.is_empty() && version.len() <= 512));
        }
        for edge in &inventory.edges {
            assert!((edge.to.0 as usize) < inventory.components.len());
        }
        Some(inventory)
    }
}
