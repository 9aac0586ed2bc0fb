//! The files that pages refer to. A file's name holds a hash of its content, so that browsers keep it for good.

use std::sync::LazyLock;

use api::{Call, Failure};
use axum::body::Body;
use axum::response::Response;
use http::header;

/// A file with the name under which it is served.
pub(crate) struct Asset {
    name: String,
    media_type: &'static str,
    content: &'static str,
}

/// The style sheet.
pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", "text/css; charset=utf-8", include_str!("../assets/console.css")));
/// The script.
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_str!("../assets/console.js"))
});
/// The picture in the browser's tab.
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("garrison", "svg", "image/svg+xml", include_str!("../assets/garrison.svg")));

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        Self { name: format!("{stem}.{:016x}.{extension}", fnv1a(content.as_bytes())), media_type, content }
    }

    /// Returns the address of the file.
    pub(crate) fn href(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// FNV-1a of 64 bits: it tells versions apart, nothing more.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Answers with a file of exactly this name: another version's name must not be remembered with this content.
pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let wanted = call.target.parameter("file");
    let found = [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.name == wanted);
    let asset = found.ok_or_else(|| Failure::not_found("ENDPOINT_UNKNOWN", "there is no such file here"))?;
    Response::builder()
        .header(header::CONTENT_TYPE, asset.media_type)
        .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header("cross-origin-resource-policy", "same-origin")
        .body(Body::from(asset.content))
        .map_err(Failure::internal)
}
