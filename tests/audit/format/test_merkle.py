"""The Merkle tree against the published vectors, and its proofs against each other (section 4.2)."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.audit.format.merkle import (
    EMPTY_ROOT,
    Frontier,
    HashReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.audit.format.vectors import vectors

RFC = vectors("rfc6962.json")
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in RFC["leaves"]]
ROOTS = [bytes.fromhex(root) for root in RFC["roots"]]


def reader(leaves: list[bytes]) -> HashReader:
    """Read subtree hashes from a list of leaves, by the definition."""

    def read(height: int, index: int) -> bytes:
        if height == 0:
            return leaves[index]
        return node_hash(read(height - 1, 2 * index), read(height - 1, 2 * index + 1))

    return read


def unhex(proof: list[str]) -> list[bytes]:
    """Decode a proof."""
    return [bytes.fromhex(part) for part in proof]


@pytest.mark.parametrize("case", RFC["leaf_hashes"])
def test_hashes_a_leaf_as_published(case: dict[str, str]) -> None:
    """A leaf's hash is SHA-256 over a zero byte and the entry."""
    assert leaf_hash(bytes.fromhex(case["entry"])).hex() == case["hash"]


@pytest.mark.parametrize("case", RFC["node_hashes"])
def test_hashes_a_node_as_published(case: dict[str, str]) -> None:
    """A node's hash is SHA-256 over a one byte and both children."""
    assert node_hash(bytes.fromhex(case["left"]), bytes.fromhex(case["right"])).hex() == case["hash"]


@pytest.mark.parametrize("size", range(9))
def test_gives_the_published_roots(size: int) -> None:
    """Appending and reading ranges both give the published root of every size."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert (frontier.size, frontier.root()) == (size, ROOTS[size])
    assert range_hash(0, size, reader(LEAVES)) == ROOTS[size]


@pytest.mark.parametrize("case", RFC["inclusion"])
def test_makes_and_accepts_the_published_inclusion_proofs(case: dict[str, Any]) -> None:
    """The proofs of the reference tests are made, byte for byte, and verify."""
    index, size, proof = case["index"], case["size"], unhex(case["proof"])
    assert inclusion_proof(index, size, reader(LEAVES)) == proof
    assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("case", RFC["consistency"])
def test_makes_and_accepts_the_published_consistency_proofs(case: dict[str, Any]) -> None:
    """The proofs of the reference tests are made, byte for byte, and verify."""
    first, second, proof = case["first"], case["second"], unhex(case["proof"])
    assert consistency_proof(first, second, reader(LEAVES)) == proof
    assert verify_consistency(first, second, ROOTS[first], ROOTS[second], proof)


def tree(size: int) -> tuple[list[bytes], list[bytes]]:
    """Give leaves and the root of every size up to `size`."""
    leaves = [leaf_hash(b"%d" % index) for index in range(size)]
    frontier = Frontier()
    roots = [frontier.root()]
    for leaf in leaves:
        frontier.append(leaf)
        roots.append(frontier.root())
    return leaves, roots


@given(st.data())
def test_an_inclusion_proof_verifies_for_its_leaf_alone(data: st.DataObject) -> None:
    """A proof made for one leaf, index, size and root fails when any of them, or the proof, is another."""
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    leaves, roots = tree(size)
    proof = inclusion_proof(index, size, reader(leaves))
    assert verify_inclusion(leaves[index], index, size, proof, roots[size])
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, roots[size])
    assert not verify_inclusion(leaves[index], index, size, proof, roots[size - 1])
    assert not verify_inclusion(leaves[index], index, size, [*proof, EMPTY_ROOT], roots[size])
    for other in range(size):
        if other != index:
            assert not verify_inclusion(leaves[index], other, size, proof, roots[size])
    if proof:
        assert not verify_inclusion(leaves[index], index, size, proof[:-1], roots[size])
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], leaf_hash(proof[at]), *proof[at + 1 :]]
        assert not verify_inclusion(leaves[index], index, size, changed, roots[size])


@given(st.data())
def test_a_consistency_proof_verifies_for_its_trees_alone(data: st.DataObject) -> None:
    """A proof made for two sizes and roots fails when either root, or the proof, is another."""
    second = data.draw(st.integers(1, 40))
    first = data.draw(st.integers(1, second))
    leaves, roots = tree(second)
    proof = consistency_proof(first, second, reader(leaves))
    assert verify_consistency(first, second, roots[first], roots[second], proof)
    assert not verify_consistency(first, second, leaf_hash(b"other"), roots[second], proof)
    assert not verify_consistency(first, second, roots[first], leaf_hash(b"other"), proof)
    assert not verify_consistency(first, second, roots[first], roots[second], [*proof, EMPTY_ROOT])
    if proof:
        assert not verify_consistency(first, second, roots[first], roots[second], proof[:-1])
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], leaf_hash(proof[at]), *proof[at + 1 :]]
        assert not verify_consistency(first, second, roots[first], roots[second], changed)
    if first < second:
        assert not verify_consistency(first, 2 * second + 1, roots[first], roots[second], proof)


def test_the_empty_tree_is_consistent_with_every_tree() -> None:
    """From size 0 the proof is empty, and only the empty root has it."""
    assert consistency_proof(0, 8, reader(LEAVES)) == []
    assert verify_consistency(0, 8, EMPTY_ROOT, ROOTS[8], [])
    assert not verify_consistency(0, 8, ROOTS[1], ROOTS[8], [])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: inclusion_proof(8, 8, reader(LEAVES)), "index 8 is not in a tree of size 8"),
        (lambda: inclusion_proof(-1, 8, reader(LEAVES)), "index -1 is not in a tree of size 8"),
        (lambda: consistency_proof(8, 7, reader(LEAVES)), "a tree of size 8 is not within a tree of size 7"),
    ],
)
def test_refuses_what_is_not_in_the_tree(ask: Callable[[], object], message: str) -> None:
    """A leaf or size outside the tree has no proof."""
    with pytest.raises(ValueError, match=message):
        ask()


def test_a_proof_reads_logarithmically_many_hashes() -> None:
    """In a tree of about a million leaves a proof takes at most two reads a level."""
    reads = 0

    def read(height: int, index: int) -> bytes:
        nonlocal reads
        reads += 1
        return leaf_hash(b"%d %d" % (height, index))

    size = 1_000_003
    for _ in range(50):
        reads = 0
        inclusion_proof(random.randrange(size), size, read)  # noqa: S311  # any leaf will do
        assert reads <= 2 * size.bit_length()
        reads = 0
        consistency_proof(random.randrange(1, size), size, read)  # noqa: S311  # any size will do
        assert reads <= 2 * size.bit_length()


def test_a_copied_frontier_goes_its_own_way() -> None:
    """A copy keeps the root while the original grows, so that a failed commit can go back."""
    frontier = Frontier()
    for leaf in LEAVES[:5]:
        frontier.append(leaf)
    copy = frontier.copy()
    frontier.append(LEAVES[5])
    assert (copy.size, copy.root()) == (5, ROOTS[5])
    assert (frontier.size, frontier.root()) == (6, ROOTS[6])


@given(st.lists(st.integers(0, 150), max_size=6))
def test_a_tree_grows_alike_by_one_and_by_many(counts: list[int]) -> None:
    """Leaves appended together, in batches of any length, give the root of the same leaves one by one."""
    together, alone = Frontier(), Frontier()
    number = 0
    for count in counts:
        leaves = [leaf_hash(b"%d" % leaf) for leaf in range(number, number + count)]
        number += count
        together.extend(leaves)
        for leaf in leaves:
            alone.append(leaf)
        assert (together.size, together.root()) == (alone.size, alone.root())
