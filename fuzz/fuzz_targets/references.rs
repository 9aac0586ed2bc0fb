//! Input: a text that may be a repository's name, a tag, a digest or a reference.
//!
//! Whatever is taken reads back as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci::{Digest, Reference, RepositoryName, Tag};

fuzz_target!(|input: &str| {
    let digest: Result<Digest, _> = input.parse();
    if let Ok(digest) = digest {
        assert_eq!(digest.to_string(), input);
        assert_eq!(Digest::from_bytes(&digest.to_bytes()), Ok(digest));
        assert_eq!(Digest::new(digest.algorithm(), digest.hash()), Some(digest));
        assert!(digest.hex().starts_with(&digest.short()));
        let tag = digest.referrers_tag();
        assert_eq!(tag.as_str().parse(), Ok(tag));
    }
    if let Ok(digest) = Digest::from_bytes(input.as_bytes()) {
        assert_eq!(digest.to_bytes(), input.as_bytes());
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }

    let tag: Result<Tag, _> = input.parse();
    if let Ok(tag) = &tag {
        assert_eq!(tag.as_str(), input);
        assert!((1..=128).contains(&input.len()));
    }

    match input.parse() {
        Ok(Reference::Digest(found)) => assert_eq!(digest, Ok(found)),
        Ok(Reference::Tag(found)) => assert_eq!(tag, Ok(found)),
        Err(_) => assert!(digest.is_err() && tag.is_err()),
    }

    if let Ok(name) = input.parse::<RepositoryName>() {
        assert_eq!(name.as_str(), input);
        assert_eq!(input.split('/').next(), Some(name.project()));
        if let Ok(qualified) = name.qualified() {
            assert!(qualified.as_str().ends_with(input) && qualified.as_str().contains('/'));
            assert_eq!(qualified.as_str().parse(), Ok(qualified.clone()));
            assert_eq!(qualified.clone().qualified(), Ok(qualified));
        }
    }
});
