//! Names of products: CPE, as text and as a URI (NIST IR 7695, "CPE: Naming", sections 6.1 and 6.2).

/// The longest name that is read, in bytes. The longest of NVD's dictionary has about 250.
pub(crate) const NAME_BYTES_MAX: usize = 1024;

/// A name, as far as it is used. Of what may stand for anything, `*` is kept, and `-` of what does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) part: String,
    pub(crate) vendor: String,
    pub(crate) product: String,
    pub(crate) version: String,
    pub(crate) update: String,
    pub(crate) target_software: String,
}

impl Name {
    /// `cpe:2.3:a:clashforwindows:clash:*:*:*:*:*:windows:*:*`, or `cpe:/a:openbsd:openssh:7.2:p2`. None unless it names a product.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > NAME_BYTES_MAX {
            return None;
        }
        let name = match text.strip_prefix("cpe:/") {
            Some(rest) => Self::parse_uri(rest)?,
            None => Self::parse_text(text.strip_prefix("cpe:2.3:")?)?,
        };
        let is_named = [&name.vendor, &name.product].iter().all(|part| !matches!(part.as_str(), "" | "*" | "-"));
        (matches!(name.part.as_str(), "a" | "o" | "h") && is_named).then_some(name)
    }

    /// What is escaped within a part.
    fn parse_text(text: &str) -> Option<Self> {
        let mut parts = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                ':' => parts.push(String::new()),
                '\\' => push(parts.last_mut()?, characters.next()?),
                other => parts.last_mut()?.push(other),
            }
        }
        let [part, vendor, product, version, update, _, _, _, target_software, _, _] =
            <[String; 11]>::try_from(parts).ok()?;
        Some(Self { part, vendor, product, version, update, target_software })
    }

    /// What is left out at the end may be anything. An edition may hold the parts that version 2.3 added: `~~~node.js~~`.
    fn parse_uri(text: &str) -> Option<Self> {
        let mut parts = text.split(':').map(decode);
        let mut next = || match parts.next() {
            None => Some("*".to_owned()),
            Some(part) => part.map(|part| if part.is_empty() { "*".to_owned() } else { part }),
        };
        let (part, vendor, product, version, update, edition) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let packed = edition.strip_prefix('~').and_then(|packed| packed.split('~').nth(2));
        let target_software = packed.filter(|target| !target.is_empty()).unwrap_or("*").to_owned();
        Some(Self { part, vendor, product, version, update, target_software })
    }

    /// `a:openbsd:openssh`: the name of a package of [`crate::Family::Cpe`].
    pub(crate) fn product(&self) -> String {
        format!("{}:{}:{}", self.part, self.vendor, self.product)
    }

    /// An update belongs to the version: version `7.2` and update `p2` are OpenSSH's 7.2p2, `1.0.2` and `beta1` OpenSSL's
    /// 1.0.2-beta1. The name does not say which, so it is both; only Java's own are known: version `1.8.0` and update `update400` or
    /// `update_400` are `1.8.0_400`. None where the name has no version.
    pub(crate) fn versions(&self) -> Vec<String> {
        let is_java = matches!(self.product.as_str(), "java_se" | "jdk" | "jre" | "openjdk");
        let number = self.update.strip_prefix("update").map(|number| number.trim_start_matches('_'));
        let is_number = |number: &&str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(number) = number.filter(is_number).filter(|_| is_java && self.version.starts_with("1.")) {
            return vec![format!("{}_{number}", self.version)];
        }
        match (self.version.as_str(), self.update.as_str()) {
            ("*" | "-" | "", _) => Vec::new(),
            (version, "*" | "-" | "") => vec![version.to_owned()],
            (version, update) => vec![format!("{version}{update}"), format!("{version}-{update}")],
        }
    }

    /// Returns the software that it is for, where the name says so.
    pub(crate) fn target_software(&self) -> Option<&str> {
        Some(self.target_software.as_str()).filter(|target| !matches!(*target, "*" | "-" | ""))
    }
}

/// A part of a URI.
fn decode(part: &str) -> Option<String> {
    let mut decoded = String::with_capacity(part.len());
    let mut characters = part.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            push(&mut decoded, character);
            continue;
        }
        let rest = characters.as_str();
        let code = u8::from_str_radix(rest.get(..2)?, 16).ok().filter(u8::is_ascii)?;
        push(&mut decoded, char::from(code));
        characters = rest[2..].chars();
    }
    Some(decoded)
}

/// What could be taken for the end of a part once parts are put together stays escaped.
fn push(part: &mut String, character: char) {
    if matches!(character, ':' | '\\') {
        part.push('\\');
    }
    part.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_both_forms() {
        let check = |text: &str, expected: Option<(&str, &[&str], Option<&str>)>| {
            let name = Name::parse(text);
            let versions = name.as_ref().map(Name::versions).unwrap_or_default();
            let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
            let product = name.as_ref().map(Name::product);
            let found = name
                .as_ref()
                .zip(product.as_deref())
                .map(|(name, product)| (product, versions.as_slice(), name.target_software()));
            assert_eq!(found, expected, "{text}");
        };
        check("", None);
        check("cpe:2.3:a:v:p:1", None);
        check("cpe:2.3:x:v:p:1:*:*:*:*:*:*:*", None);
        check("cpe:2.3:a:*:p:1:*:*:*:*:*:*:*", None);
        check("cpe:2.3:a:v:-:1:*:*:*:*:*:*:*", None);
        check("cpe:2.2:a:v:p:1:*:*:*:*:*:*:*", None);
        check("cpe:/", None);
        check("cpe:/a:v", None);
        check("cpe:/a:v:p%", None);
        check("cpe:/a:v:p%ff", None);
        check("cpe:/a:v:p%0ä", None);
        check(&format!("cpe:/a:v:{}", "p".repeat(NAME_BYTES_MAX)), None);
        check("cpe:2.3:a:v:p:*:*:*:*:*:*:*:*", Some(("a:v:p", &[], None)));
        check("cpe:2.3:a:v:p:-:*:*:*:*:*:*:*", Some(("a:v:p", &[], None)));
        check("cpe:2.3:a:v:p:1:*:*:*:*:-:*:*", Some(("a:v:p", &["1"], None)));
        check("cpe:2.3:a:v:p:7.2:p2:*:*:*:node.js:*:*", Some(("a:v:p", &["7.2p2", "7.2-p2"], Some("node.js"))));
        check(r"cpe:2.3:a:v:c\+\+\:x:1:*:*:*:*:*:*:*", Some((r"a:v:c++\:x", &["1"], None)));
        check(r"cpe:2.3:a:v\\:p:1:*:*:*:*:*:*:*", Some((r"a:v\\:p", &["1"], None)));
        check(r"cpe:/a:v%5c:p\q:1", Some((r"a:v\\:p\\q", &["1"], None)));
        check("cpe:/a:openbsd:openssh", Some(("a:openbsd:openssh", &[], None)));
        check("cpe:/a:openbsd:openssh:7.2:p2", Some(("a:openbsd:openssh", &["7.2p2", "7.2-p2"], None)));
        check("cpe:/a:oracle:jdk:1.8.0:update400", Some(("a:oracle:jdk", &["1.8.0_400"], None)));
        check("cpe:/a:oracle:jdk:1.8.0:update_400", Some(("a:oracle:jdk", &["1.8.0_400"], None)));
        check("cpe:/a:oracle:jdk:1.8.0:update", Some(("a:oracle:jdk", &["1.8.0update", "1.8.0-update"], None)));
        check("cpe:/a:oracle:jdk:11.0.2:update1", Some(("a:oracle:jdk", &["11.0.2update1", "11.0.2-update1"], None)));
        check("cpe:/a:v:p:1.8.0:update400", Some(("a:v:p", &["1.8.0update400", "1.8.0-update400"], None)));
        check("cpe:/a:v:c%2b%2b%3ax:1", Some((r"a:v:c++\:x", &["1"], None)));
        check("cpe:/a:v:p:1::~~~node.js~~", Some(("a:v:p", &["1"], Some("node.js"))));
        check("cpe:/a:v:p:1::~~~~~", Some(("a:v:p", &["1"], None)));
        check("cpe:/o:redhat:enterprise_linux:8::baseos", Some(("o:redhat:enterprise_linux", &["8"], None)));
    }
}
