//! Inclusion and consistency proofs: RFC 9162 sections 2.1.3 and 2.1.4.

use crate::hash::{Hash, node_hash};

/// Why a proof could not be made or is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No such leaf.
    #[error("leaf {index} is not in a tree of {size}")]
    Index {
        /// The leaf asked for.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// A consistency proof leads from a tree with leaves to one that is as large or larger.
    #[error("a tree of {first} leaves cannot be a prefix of one of {second}")]
    Sizes {
        /// Leaves of the older tree.
        first: u64,
        /// Leaves of the newer tree.
        second: u64,
    },
    /// Too few or too many hashes.
    #[error("proof has a wrong number of hashes")]
    Length,
    /// The proof gives another root than the expected one.
    #[error("proof leads to another root")]
    Root,
}

/// Returns the root of the tree over these leaf hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// Returns the proof that the leaf at `index` is in the tree over `leaves`, nearest sibling first.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Result<Vec<Hash>, ProofError> {
    if index >= leaves.len() {
        return Err(ProofError::Index { index: index as u64, size: leaves.len() as u64 });
    }
    let mut proof = Vec::new();
    let (mut leaves, mut index) = (leaves, index);
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if index < left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Returns the proof that the tree over the first `first` leaves is a prefix of the tree over all of them.
pub fn consistency_proof(leaves: &[Hash], first: usize) -> Result<Vec<Hash>, ProofError> {
    if first == 0 || first > leaves.len() {
        return Err(ProofError::Sizes { first: first as u64, second: leaves.len() as u64 });
    }
    let mut proof = Vec::new();
    let (mut leaves, mut first) = (leaves, first);
    // The root of the old tree is known to the verifier; it is left out while the old tree is a whole left subtree.
    let mut known = true;
    while first < leaves.len() {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if first <= left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            first -= left.len();
            leaves = right;
            known = false;
        }
    }
    if !known {
        proof.push(root(leaves));
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` is at `index` of the tree with `size` leaves and this `root`.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Index { index, size });
    }
    let mut path = Path { node: index, last: size - 1 };
    let mut computed = *leaf;
    for sibling in proof {
        if path.last == 0 {
            return Err(ProofError::Length);
        }
        if path.is_right() {
            computed = node_hash(sibling, &computed);
            path.skip_missing_siblings();
        } else {
            computed = node_hash(&computed, sibling);
        }
        path.up();
    }
    if path.last != 0 {
        return Err(ProofError::Length);
    }
    if computed == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree with `first` leaves and `first_root` is a prefix of the one with `second` leaves and
/// `second_root`. Nothing can be proved of an empty older tree, so it is refused.
pub fn verify_consistency(
    first: u64,
    second: u64,
    proof: &[Hash],
    first_root: &Hash,
    second_root: &Hash,
) -> Result<(), ProofError> {
    if first == 0 || first > second {
        return Err(ProofError::Sizes { first, second });
    }
    if first == second {
        return match (proof, first_root == second_root) {
            ([], true) => Ok(()),
            ([], false) => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        };
    }
    let (start, rest) =
        if first.is_power_of_two() { (first_root, proof) } else { proof.split_first().ok_or(ProofError::Length)? };
    let mut path = Path { node: first - 1, last: second - 1 };
    while path.node & 1 == 1 {
        path.up();
    }
    let (mut first_computed, mut second_computed) = (*start, *start);
    for sibling in rest {
        if path.last == 0 {
            return Err(ProofError::Length);
        }
        if path.is_right() {
            first_computed = node_hash(sibling, &first_computed);
            second_computed = node_hash(sibling, &second_computed);
            path.skip_missing_siblings();
        } else {
            second_computed = node_hash(&second_computed, sibling);
        }
        path.up();
    }
    if path.last != 0 {
        return Err(ProofError::Length);
    }
    if first_computed == *first_root && second_computed == *second_root { Ok(()) } else { Err(ProofError::Root) }
}

/// The walk from a leaf to the root: `fn` and `sn` of RFC 9162.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    /// Whether the sibling stands at the left; also true of the last node of a level, whose sibling is further up.
    fn is_right(&self) -> bool {
        self.node & 1 == 1 || self.node == self.last
    }

    fn skip_missing_siblings(&mut self) {
        while self.node & 1 == 0 && self.node != 0 {
            self.up();
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}

/// Returns the size of the left subtree: the largest power of two below `count`, which is at least two.
fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}
