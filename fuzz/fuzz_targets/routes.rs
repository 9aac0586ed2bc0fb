//! Input: a method, a space and a path as they stand in a request.
//!
//! Whatever is taken is canonical, and names only what its grammar allows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci::Route;

fuzz_target!(|input: &str| {
    let Some((method, path)) = input.split_once(' ') else { return };
    let Ok(route) = Route::parse(method, path) else { return };

    assert!(route.methods().contains(&method));
    let canonical = route.to_string();
    assert_eq!(Route::parse(method, &canonical).as_ref(), Ok(&route));
    assert!(canonical.bytes().all(|byte| byte.is_ascii_graphic() && !b"%\\?#".contains(&byte)));
    assert!(!canonical.split('/').any(|segment| segment == "." || segment == ".."));
    assert!(!canonical.contains("//"));
    // What is decoded once has no other reading: an unencoded path is its own canonical form, but for two slashes.
    if !path.contains('%') {
        assert_eq!(canonical.trim_end_matches('/'), path.trim_end_matches('/'));
    }
});
