use std::fmt::Write as _;

use outbound::Endpoint;
use serde_json::{Value, json};

use crate::cli::output_argument;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::{Session, block_on};

/// List the images of the hub that are not inventoried, and why.
///
/// They are those that you may pull: those that wait, or that a hub which makes no inventories never looked at, then those that could not be
/// inventoried, the last that were looked at first. Nothing is known of what is in them: they are neither found nor scanned. What could not be
/// inventoried is looked at again once it is pushed again.
#[derive(Debug, clap::Args)]
#[command(
    arg(output_argument()),
    after_help = "Example:
  garrison sbom refused
  garrison sbom refused -o json

Exit codes: 0 none, 1 some, 2 not understood, 3 the hub did not answer."
)]
pub(crate) struct Refused {}

impl Refused {
    #[expect(clippy::unused_self, reason = "its only flag is the one of all commands")]
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let hub = session.hub()?;
        let answer = block_on(async {
            let answer: Value = hub.get(&Endpoint::api(["refused-images"])).await?;
            Ok(answer)
        })?;
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let is_more = answer["may_be_more"] == json!(true);
        match session.format() {
            Format::Json => output::print_json(&answer)?,
            Format::Table => {
                output::print_line(&sentence(items.len(), is_more))?;
                if !items.is_empty() {
                    output::print_line(output::printable(&told(&items)).trim_end())?;
                }
            }
        }
        if items.is_empty() && !is_more { Ok(()) } else { Err(CommandError::silent(Kind::No)) }
    }
}

fn sentence(number: usize, is_more: bool) -> String {
    match (number, is_more) {
        (0, false) => "Every image that you may pull is inventoried.".to_owned(),
        (number, true) => format!("More than {number} images are not inventoried."),
        (1, false) => "1 image is not inventoried.".to_owned(),
        (number, false) => format!("{number} images are not inventoried."),
    }
}

/// Tells of each image in two lines: a reason is longer than a column may be, and the most that there is to say.
fn told(items: &[Value]) -> String {
    let mut told = String::new();
    for item in items {
        let text = |name: &str| item[name].as_str().unwrap_or("-").to_owned();
        let tags: Vec<&str> = item["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let digest = text("digest");
        let digest = digest.parse::<oci::Digest>().map_or(digest, |digest| digest.short());
        let tags = if tags.is_empty() { String::new() } else { format!(":{}", tags.join(", ")) };
        let _infallible = writeln!(told, "{}{tags} ({digest})\n    {}", text("repository"), text("reason"));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_were_refused_is_told_first() {
        for (number, is_more, expected) in [
            (0, false, "Every image that you may pull is inventoried."),
            (1, false, "1 image is not inventoried."),
            (2, false, "2 images are not inventoried."),
            (200, true, "More than 200 images are not inventoried."),
        ] {
            assert_eq!(sentence(number, is_more), expected);
        }
    }

    #[test]
    fn an_image_is_told_with_its_reason() {
        let reason = format!("layer sha256:{} is refused: it is no tar", "ab".repeat(32));
        let digest = format!("sha256:{}", "cd".repeat(32));
        insta::assert_snapshot!(told(&[
            json!({"repository": "team/api", "digest": digest, "tags": ["1", "latest"], "reason": reason}),
            json!({"repository": "team/web", "digest": "x", "tags": [], "reason": null}),
        ]), @"
        team/api:1, latest (cdcdcdcdcdcd)
            layer sha256:abababababababababababababababababababababababababababababababab is refused: it is no tar
        team/web (x)
            -
        ");
    }
}
