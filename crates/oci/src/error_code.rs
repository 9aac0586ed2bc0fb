//! Error codes and their body, as in OCI distribution 1.1, "Error Codes".

use std::fmt;

use serde::Serialize;
use serde_json::Value;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal;)*) => {
        /// The stable name of a refusal under `/v2`, each with its HTTP status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the code as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns the HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

error_codes! {
    /// The blob is not in the repository.
    BlobUnknown = "BLOB_UNKNOWN", 404;
    /// The upload cannot go on with what was sent.
    BlobUploadInvalid = "BLOB_UPLOAD_INVALID", 400;
    /// There is no such upload, or no longer.
    BlobUploadUnknown = "BLOB_UPLOAD_UNKNOWN", 404;
    /// The digest is malformed, of an unknown algorithm, or not that of the content.
    DigestInvalid = "DIGEST_INVALID", 400;
    /// The manifest names content that the repository does not have.
    ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN", 400;
    /// The manifest is malformed, or of a kind that is refused.
    ManifestInvalid = "MANIFEST_INVALID", 400;
    /// The manifest is larger than the limit.
    ManifestTooLarge = "MANIFEST_TOO_LARGE", 413;
    /// The manifest or tag is not in the repository.
    ManifestUnknown = "MANIFEST_UNKNOWN", 404;
    /// The repository name is malformed.
    NameInvalid = "NAME_INVALID", 400;
    /// There is no such repository, or none that the caller may know of.
    NameUnknown = "NAME_UNKNOWN", 404;
    /// The `n` parameter is not a number.
    PaginationNumberInvalid = "PAGINATION_NUMBER_INVALID", 400;
    /// A query parameter is malformed or given twice.
    ParameterInvalid = "PARAMETER_INVALID", 400;
    /// The chunk does not begin where the upload ends.
    RangeInvalid = "RANGE_INVALID", 416;
    /// The body is not as long as was said.
    SizeInvalid = "SIZE_INVALID", 400;
    /// The tag is malformed.
    TagInvalid = "TAG_INVALID", 400;
    /// More tags were given for one manifest than the limit.
    TagsTooMany = "TAGS_TOO_MANY", 414;
    /// The caller must say who it is.
    Unauthorized = "UNAUTHORIZED", 401;
    /// The caller may not do this.
    Denied = "DENIED", 403;
    /// The operation is not one that the registry has here.
    Unsupported = "UNSUPPORTED", 405;
    /// The caller asks too often.
    TooManyRequests = "TOOMANYREQUESTS", 429;
    /// The registry cannot answer now and may later.
    Unavailable = "UNAVAILABLE", 503;
    /// The registry failed; the caller did nothing wrong.
    Unknown = "UNKNOWN", 500;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Returns the JSON body of an answer that tells one error.
///
/// `message` is all that most clients show; `detail` is left out if it is `Value::Null`.
pub fn errors_json(code: ErrorCode, message: &str, detail: Value) -> String {
    let mut error = serde_json::Map::new();
    error.insert("code".to_owned(), code.as_str().into());
    error.insert("message".to_owned(), message.into());
    if !detail.is_null() {
        error.insert("detail".to_owned(), detail);
    }
    serde_json::json!({ "errors": [error] }).to_string()
}
