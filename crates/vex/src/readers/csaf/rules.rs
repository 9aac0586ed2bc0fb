use super::stated::Stated;
use crate::{Refusal, wording};

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $title:literal;)*) => {
        /// The rules of CSAF 2.0 and 2.1 that are enforced, with their numbers in section 6.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Rule { $($(#[$doc])* $variant,)* }

        impl Rule {
            fn number_and_title(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($number, $title)),* }
            }
        }
    };
}

rules! {
    ProductDefined = "6.1.1", "a product that is referred to is defined";
    ProductOnce = "6.1.2", "a product is defined once";
    NotCircular = "6.1.3", "no product is defined by itself";
    GroupDefined = "6.1.4", "a product group that is referred to is defined";
    GroupOnce = "6.1.5", "a product group is defined once";
    ContradictingStatus = "6.1.6", "a product has one status";
    CveOnce = "6.1.23", "a CVE has one entry";
    NoVulnerabilities = "6.1.27.3", "a document of this profile speaks of no vulnerability";
    ProductTree = "6.1.27.4", "a document of this profile has a product tree";
    ProductStatus = "6.1.27.6", "each vulnerability has products with a status";
    VexProductStatus = "6.1.27.7", "each vulnerability has products with a status that VEX knows";
    VulnerabilityId = "6.1.27.8", "each vulnerability has a name";
    ImpactStatement = "6.1.27.9", "of each product that is not affected is said why";
    Vulnerabilities = "6.1.27.11", "a document of this profile has vulnerabilities";
    RangeInVersion = "6.1.31", "a product version is no range";
    FlagWithProducts = "6.1.32", "a flag names its products";
    OneJustification = "6.1.33", "a product has one justification";
    Depth = "6.1.34", "branches are at most 30 deep";
}

impl Rule {
    /// Returns the refusal of a document that breaks the rule.
    pub(super) fn broken(self, example: &str) -> Refusal {
        let (rule, title) = self.number_and_title();
        Refusal::Rule { rule, title, example: format!("`{}`", wording::shown(example)) }
    }
}

/// The tests of profiles (section 6.1.27).
pub(super) fn check_profile(stated: &Stated) -> Result<(), Refusal> {
    let category = stated.document.category.as_str();
    let is_vex = category == "csaf_vex";
    if matches!(category, "csaf_informational_advisory" | "csaf_withdrawn" | "csaf_superseded")
        && stated.vulnerabilities.is_some()
    {
        return Err(Rule::NoVulnerabilities.broken(category));
    }
    if !(is_vex || matches!(category, "csaf_security_advisory" | "csaf_deprecated_security_advisory")) {
        return Ok(());
    }
    if stated.product_tree.is_none() {
        return Err(Rule::ProductTree.broken(category));
    }
    let Some(vulnerabilities) = &stated.vulnerabilities else { return Err(Rule::Vulnerabilities.broken(category)) };
    for vulnerability in vulnerabilities {
        let name = vulnerability.cve.as_deref().unwrap_or_default();
        match &vulnerability.product_status {
            None if !is_vex => return Err(Rule::ProductStatus.broken(name)),
            status if is_vex && status.as_ref().is_none_or(|status| !status.is_known_to_vex()) => {
                return Err(Rule::VexProductStatus.broken(name));
            }
            _ => {}
        }
        if is_vex && vulnerability.cve.is_none() && vulnerability.ids.is_empty() {
            return Err(Rule::VulnerabilityId.broken(name));
        }
    }
    Ok(())
}
