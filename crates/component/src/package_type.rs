use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! package_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $purl:literal, $language:expr;)*) => {
        /// What kind of package a component is. The names are Syft's, because users' scripts and templates filter by them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum PackageType {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl PackageType {
            /// Every kind, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name that documents carry, as in `java-archive`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Returns the purl type of its packages, as in `maven`.
            pub fn purl_type(self) -> &'static str {
                match self { $(Self::$variant => $purl),* }
            }

            /// Returns the language of its packages, where there is one.
            pub fn language(self) -> Option<&'static str> {
                match self { $(Self::$variant => $language),* }
            }
        }

        impl FromStr for PackageType {
            type Err = UnknownPackageType;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownPackageType),
                }
            }
        }
    };
}

package_types! {
    /// A Debian package.
    Deb = "deb", "deb", None;
    /// An Alpine package.
    Apk = "apk", "apk", None;
    /// A package of an RPM distribution.
    Rpm = "rpm", "rpm", None;
    /// A Python distribution.
    Python = "python", "pypi", Some("python");
    /// A package of the npm registry.
    Npm = "npm", "npm", Some("javascript");
    /// A jar, war, ear or Maven artifact.
    JavaArchive = "java-archive", "maven", Some("java");
    /// A Jenkins plugin.
    JenkinsPlugin = "jenkins-plugin", "maven", Some("java");
    /// A Go module.
    GoModule = "go-module", "golang", Some("go");
    /// A Rust crate.
    RustCrate = "rust-crate", "cargo", Some("rust");
    /// A Ruby gem.
    Gem = "gem", "gem", Some("ruby");
    /// A PHP package of Composer.
    PhpComposer = "php-composer", "composer", Some("php");
    /// A `NuGet` package or .NET assembly.
    Dotnet = "dotnet", "nuget", Some("dotnet");
    /// A package of conda.
    Conda = "conda", "conda", None;
    /// A program or library that was recognised by its contents.
    Binary = "binary", "generic", None;
    /// What a foreign document names and this list does not.
    Unknown = "UnknownPackage", "generic", None;
}

/// A name that is no [`PackageType`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a package type")]
pub struct UnknownPackageType;

impl fmt::Display for PackageType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
