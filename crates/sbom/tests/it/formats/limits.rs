use sbom::formats::{Document, Limits, ReadError, RepairKind, Repairs, Strictness, read, read_with};

fn with(text: &str, limits: &Limits) -> Result<Document, ReadError> {
    read_with(text.as_bytes(), limits, Strictness::Lenient)
}

/// One document in each format, of this many components in a chain of edges.
fn documents(count: usize) -> [(&'static str, String); 3] {
    let list = |item: &dyn Fn(usize) -> String, count: usize| (0..count).map(item).collect::<Vec<_>>().join(",");
    let cyclonedx = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}],"dependencies":[{}]}}"#,
        list(&|index| format!(r#"{{"type":"library","name":"c{index}","bom-ref":"r{index}"}}"#), count),
        list(&|index| format!(r#"{{"ref":"r{index}","dependsOn":["r{}"]}}"#, index + 1), count - 1),
    );
    let spdx = format!(
        r#"{{"spdxVersion":"SPDX-2.3","packages":[{}],"relationships":[{}]}}"#,
        list(&|index| format!(r#"{{"name":"c{index}","SPDXID":"SPDXRef-{index}"}}"#), count),
        list(
            &|index| {
                let next = index + 1;
                format!(
                    r#"{{"spdxElementId":"SPDXRef-{index}","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-{next}"}}"#
                )
            },
            count - 1,
        ),
    );
    let syft = format!(
        r#"{{"artifacts":[{}],"artifactRelationships":[{}]}}"#,
        list(&|index| format!(r#"{{"id":"{index}","name":"c{index}"}}"#), count),
        list(&|index| format!(r#"{{"parent":"{}","child":"{index}","type":"dependency-of"}}"#, index + 1), count - 1),
    );
    [("cyclonedx-json", cyclonedx), ("spdx-json", spdx), ("syft-json", syft)]
}

#[test]
fn bytes_are_limited() {
    for (format, text) in documents(2) {
        let limits = |document_bytes| Limits { document_bytes, ..Limits::default() };
        assert!(with(&text, &limits(text.len() + 1)).is_ok(), "{format}");
        assert!(with(&text, &limits(text.len())).is_ok(), "{format}");
        let refused = with(&text, &limits(text.len() - 1));
        assert!(matches!(refused, Err(ReadError::TooLarge { actual, limit }) if actual == limit + 1), "{format}");
    }
}

#[test]
fn components_are_limited() {
    let purls = ("purls", "pkg:npm/a@1\npkg:npm/b@1\npkg:npm/c@1\n".to_owned());
    for (format, text) in documents(3).into_iter().chain([purls]) {
        let limits = |components| Limits { components, ..Limits::default() };
        assert_eq!(with(&text, &limits(4)).unwrap().inventory.components.len(), 3, "{format}");
        assert_eq!(with(&text, &limits(3)).unwrap().inventory.components.len(), 3, "{format}");
        assert!(matches!(with(&text, &limits(2)), Err(ReadError::TooManyComponents { limit: 2 })), "{format}");
    }
}

#[test]
fn edges_are_limited() {
    for (format, text) in documents(4) {
        let limits = |edges| Limits { edges, ..Limits::default() };
        assert_eq!(with(&text, &limits(4)).unwrap().inventory.edges.len(), 3, "{format}");
        assert_eq!(with(&text, &limits(3)).unwrap().inventory.edges.len(), 3, "{format}");
        assert!(matches!(with(&text, &limits(2)), Err(ReadError::TooManyEdges { limit: 2 })), "{format}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| {
        let open: Vec<_> =
            (0..depth).map(|level| format!(r#"{{"type":"library","name":"a{level}","components":["#)).collect();
        let open = open.concat();
        let components = format!("{open}{}", "]}".repeat(depth));
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{components}]}}"#)
    };
    let limits = Limits { nesting: 3, ..Limits::default() };
    assert_eq!(with(&nested(3), &limits).unwrap().inventory.components.len(), 3);
    assert_eq!(with(&nested(4), &limits).unwrap().inventory.components.len(), 4);
    assert!(matches!(with(&nested(5), &limits), Err(ReadError::TooDeep { limit: 3 })));
    // As deep as a document can be.
    assert!(matches!(read(nested(10_000).as_bytes()), Err(ReadError::TooDeep { limit: Limits::NESTING_MAX })));
    let brackets = format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","x":{}"#, "[".repeat(1_000_000));
    assert!(matches!(read(brackets.as_bytes()), Err(ReadError::Json(_))));
}

#[test]
fn texts_are_limited() {
    // As long as the longest text that must be there: `CycloneDX`.
    let limits = Limits { string_bytes: 9, ..Limits::default() };
    let version = |version: &str| {
        let text = format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"name":"a","version":"{version}"}}]}}"#
        );
        let document = with(&text, &limits).unwrap();
        let too_long = document.repairs.listed.iter().any(|repair| repair.kind == RepairKind::TooLong);
        (document.inventory.components[0].version.clone(), too_long)
    };
    assert_eq!(version("12345678"), (Some("12345678".to_owned()), false));
    assert_eq!(version("123456789"), (Some("123456789".to_owned()), false));
    assert_eq!(version("1234567890"), (None, true));
}

#[test]
fn reports_are_limited() {
    let line = "no purl\n";
    let listed = |count: usize| {
        let document = read(format!("pkg:npm/a@1\n{}", line.repeat(count)).as_bytes()).unwrap();
        (document.repairs.listed.len(), document.repairs.unlisted, document.repairs.wrong)
    };
    let most = Repairs::LISTED_MAX;
    assert_eq!(listed(most - 1), (most - 1, 0, most as u64 - 1));
    assert_eq!(listed(most), (most, 0, most as u64));
    assert_eq!(listed(most + 1), (most, 1, most as u64 + 1));
}
