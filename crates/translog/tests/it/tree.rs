use proptest::prelude::*;
use translog::{
    Frontier, FrontierError, Hash, ProofError, consistency_proof, inclusion_proof, leaf_hash, node_hash, root,
    verify_consistency, verify_inclusion,
};

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

/// The definition of RFC 6962 written as it stands there, to compare with.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        0 => Hash::empty_root(),
        1 => leaves[0],
        count => {
            let mut split = 1;
            while split * 2 < count {
                split *= 2;
            }
            node_hash(&naive_root(&leaves[..split]), &naive_root(&leaves[split..]))
        }
    }
}

#[test]
fn known_hashes() {
    // RFC 6962 reference values: the empty tree and the empty leaf.
    let cases = [
        (Hash::empty_root(), "Hash(e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855)"),
        (leaf_hash(b""), "Hash(6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d)"),
    ];
    for (hash, expected) in cases {
        assert_eq!(format!("{hash:?}"), expected);
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }
}

#[test]
fn frontier_gives_the_root_of_every_size() {
    let leaves = leaves(130);
    let mut frontier = Frontier::new();
    for size in 0..=leaves.len() {
        assert_eq!(frontier.size(), size as u64);
        assert_eq!(frontier.root(), naive_root(&leaves[..size]), "size {size}");
        assert_eq!(root(&leaves[..size]), naive_root(&leaves[..size]), "size {size}");
        assert_eq!(Frontier::from_bytes(&frontier.to_bytes()), Ok(frontier.clone()));
        if let Some(leaf) = leaves.get(size) {
            frontier.append(*leaf);
        }
    }
}

#[test]
fn frontier_bytes_are_checked() {
    let mut frontier = Frontier::new();
    for leaf in leaves(3) {
        frontier.append(leaf);
    }
    let bytes = frontier.to_bytes();
    let mut newer = bytes.clone();
    newer[0] = 2;
    let mut longer = bytes.clone();
    longer.push(0);
    let cases = [
        (&b""[..], FrontierError::Short),
        (&bytes[..8], FrontierError::Short),
        (&newer, FrontierError::Version { version: 2 }),
        (&bytes[..9], FrontierError::Length { size: 3, expected: 2, actual_bytes: 0 }),
        (&bytes[..bytes.len() - 1], FrontierError::Length { size: 3, expected: 2, actual_bytes: 63 }),
        (&longer, FrontierError::Length { size: 3, expected: 2, actual_bytes: 65 }),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Frontier::from_bytes(bytes), Err(expected));
    }
}

#[test]
fn every_small_proof_holds_and_no_other_place_takes_it() {
    for size in 1..=33_usize {
        let leaves = leaves(size);
        let size_root = root(&leaves);
        for index in 0..size {
            let proof = inclusion_proof(&leaves, index).unwrap();
            for claimed in 0..size {
                let verdict = verify_inclusion(&leaves[index], claimed as u64, size as u64, &proof, &size_root);
                assert_eq!(verdict.is_ok(), claimed == index, "leaf {index} of {size} claimed at {claimed}");
            }
        }
        for first in 1..=size {
            let proof = consistency_proof(&leaves, first).unwrap();
            let first_root = root(&leaves[..first]);
            for claimed in 1..=size {
                let verdict =
                    verify_consistency(claimed as u64, size as u64, &proof, &root(&leaves[..claimed]), &size_root);
                assert!(verdict.is_ok() || claimed != first, "{first} in {size}");
            }
            let changed = leaf_hash(b"changed");
            let forged = verify_consistency(first as u64, size as u64, &proof, &changed, &size_root);
            assert_eq!(forged, Err(ProofError::Root));
            let forged = verify_consistency(first as u64, size as u64, &proof, &first_root, &changed);
            assert_eq!(forged, Err(ProofError::Root));
        }
    }
}

#[test]
fn impossible_proofs_are_refused() {
    let leaves = leaves(4);
    assert_eq!(inclusion_proof(&leaves, 4), Err(ProofError::Index { index: 4, size: 4 }));
    assert_eq!(inclusion_proof(&[], 0), Err(ProofError::Index { index: 0, size: 0 }));
    assert_eq!(consistency_proof(&leaves, 0), Err(ProofError::Sizes { first: 0, second: 4 }));
    assert_eq!(consistency_proof(&leaves, 5), Err(ProofError::Sizes { first: 5, second: 4 }));
}

proptest! {
    #[test]
    fn proofs_hold_and_a_changed_one_does_not(size in 1_usize..600, pick: u64, flip: u8) {
        let leaves = leaves(size);
        let index = usize::try_from(pick % size as u64).unwrap();
        let size_root = root(&leaves);
        let inclusion = inclusion_proof(&leaves, index).unwrap();
        prop_assert_eq!(verify_inclusion(&leaves[index], index as u64, size as u64, &inclusion, &size_root), Ok(()));
        let first = index + 1;
        let first_root = root(&leaves[..first]);
        let consistency = consistency_proof(&leaves, first).unwrap();
        prop_assert_eq!(
            verify_consistency(first as u64, size as u64, &consistency, &first_root, &size_root),
            Ok(())
        );
        for proof in [&inclusion, &consistency] {
            let Some(at) = (!proof.is_empty()).then(|| usize::from(flip) % proof.len()) else { continue };
            let mut changed = proof.clone();
            changed[at] = leaf_hash(changed[at].as_bytes());
            let mut shorter = proof.clone();
            shorter.remove(at);
            let mut longer = proof.clone();
            longer.insert(at, size_root);
            for wrong in [changed, shorter, longer] {
                let included = verify_inclusion(&leaves[index], index as u64, size as u64, &wrong, &size_root);
                let consistent = verify_consistency(first as u64, size as u64, &wrong, &first_root, &size_root);
                prop_assert!(included.is_err() || wrong == inclusion);
                prop_assert!(consistent.is_err() || wrong == consistency);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_frontier_panic(bytes: Vec<u8>) {
        if let Ok(frontier) = Frontier::from_bytes(&bytes) {
            prop_assert_eq!(frontier.to_bytes(), bytes);
        }
    }
}
