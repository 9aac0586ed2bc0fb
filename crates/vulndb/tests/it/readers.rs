//! What holds of every reader, whatever it is given.

use proptest::prelude::*;
use vulndb::{Document, Records, readers};

/// A short document of each format, to be spoilt.
const SEEDS: &[(&str, &str)] = &[
    (
        "active/CVE-2024-0001",
        "Candidate: CVE-2024-0001\nPublicDate: 2024-01-02 03:04:05 UTC\nReferences:\n https://example.org/\nDescription:\n Text.\n\
         Priority: low\nCVSS:\n nvd: CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H [7.8 HIGH]\nPriority_x: high\n\
         esm-infra/xenial_x: released (1:2.0-1)\njammy_x: ignored (end of life, was needed)\nsnap_x: needed\n",
    ),
    (
        "json",
        r#"{"x": {"CVE-2024-0001": {"description": "Text.", "debianbug": 7, "releases": {"bookworm": {"status": "resolved",
         "fixed_version": "1:2.0-1", "urgency": "low**", "nodsa_reason": "ignored"}, "sid": {"status": "open"}}}}}"#,
    ),
    (
        "main.json",
        r#"{"distroversion": "v3.18", "packages": [{"pkg": {"name": "x", "secfixes": {"0": ["CVE-2024-0001 (A)"],
         "1.0_rc1-r0": ["CVE_2024-0002 XSA-1 GHSA-h6cc-rc6q-23j4"]}}}]}"#,
    ),
    (
        "main.yaml",
        "distroversion: edge\npackages:\n  - pkg:\n      name: x\n      secfixes:\n        1.0-r0:\n          - CVE-2024-0001\n",
    ),
    (
        "azurelinux-3.0-oval.xml",
        r#"<oval_definitions><definitions><definition id="d"><metadata><title>A &amp; B &#65;</title>
         <reference source="CVE" ref_id="CVE-2024-0001" ref_url="u"/></metadata><criteria operator="AND"><criterion test_ref="t"/>
         </criteria></definition></definitions><tests><l:rpminfo_test check="all" id="t"><l:object object_ref="o"/>
         <l:state state_ref="s"/></l:rpminfo_test></tests><objects><l:rpminfo_object id="o"><l:name>x</l:name></l:rpminfo_object>
         </objects><states><l:rpminfo_state id="s"><l:evr operation="less than">0:1-1</l:evr></l:rpminfo_state></states>
         </oval_definitions>"#,
    ),
    (
        "nvd.json",
        r#"{"vulnerabilities": [{"cve": {"id": "CVE-2024-0001", "published": "2024-06-07T10:15:12.293", "vulnStatus": "Rejected",
         "metrics": {"cvssMetricV2": [{"source": "s", "cvssData": {"vectorString": "v"}}]}, "configurations": [{"operator": "AND",
         "nodes": [{"cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:a:v\\:x:p:7.2:p2:*:*:*:*:*:*"}]}, {"cpeMatch":
         [{"vulnerable": false, "criteria": "cpe:2.3:o:v:p:-:*:*:*:*:*:*:*"}]}]}]}}]}"#,
    ),
];

fn read_all(path: &str, bytes: &[u8]) {
    for reader in readers() {
        let mut records = Records::default();
        reader.read(&Document { path, bytes }, &mut records);
        for (count, example) in records.problems.values() {
            assert!(*count > 0 && example.len() <= vulndb::Problem::EXAMPLE_BYTES_MAX, "{reader:?}: {example}");
        }
    }
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_refused(seed in 0..SEEDS.len(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(SEEDS[seed].0, &bytes);
    }

    /// Bytes are put in, taken out and changed.
    #[test]
    fn a_spoilt_document_is_read_or_refused(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "\\PC{0,6}"), 1..6),
    ) {
        let (path, text) = SEEDS[seed];
        let mut bytes = text.as_bytes().to_vec();
        for (at, taken, put) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + taken).min(bytes.len());
            bytes.splice(at..end, put.bytes());
        }
        read_all(path, &bytes);
    }

    #[test]
    fn a_document_that_breaks_off_is_read_or_refused(seed in 0..SEEDS.len(), at in any::<prop::sample::Index>()) {
        let (path, text) = SEEDS[seed];
        read_all(path, &text.as_bytes()[..at.index(text.len() + 1)]);
    }
}
