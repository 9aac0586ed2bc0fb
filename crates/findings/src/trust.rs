use policy::VexTrust;
use vex::{Others, Trust};

/// Returns how far authors of VEX are trusted by a document that says so.
pub fn trust(document: &VexTrust) -> Trust {
    let others = if document.others_count { Others::Last } else { Others::Ignored };
    Trust::new(document.authors.clone(), others)
}
