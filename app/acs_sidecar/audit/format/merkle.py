"""The Merkle tree of RFC 6962 and RFC 9162 over SHA-256, and its two proofs (section 4.2)."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TypeAlias

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Frontier",
    "HashReader",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "range_hash",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

HashReader: TypeAlias = Callable[[int, int], bytes]
"""Reads the hash of a complete subtree: `(height, index)` covers the leaves from `index << height`."""

_Range: TypeAlias = tuple[int, int]

_SUBTREE_HEIGHT = 8
_SUBTREE = 1 << _SUBTREE_HEIGHT

_LEAF, _NODE = sha256(b"\x00"), sha256(b"\x01")
"""Copied for each hash: for a new one the library looks its algorithm up."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash a leaf. Its prefix differs from a node's, so that no entry can pose as an inner node."""
    hashed = _LEAF.copy()
    hashed.update(entry)
    return hashed.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent."""
    hashed = _NODE.copy()
    hashed.update(left)
    hashed.update(right)
    return hashed.digest()


class Frontier:
    """The right edge of a growing tree: the complete subtrees, largest first. All that appending needs."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self.size = 0

    def append(self, leaf: bytes) -> None:
        """Append a leaf hash."""
        size = self.size
        peaks = self._peaks
        while size & 1:
            leaf = node_hash(peaks.pop(), leaf)
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes, whole subtrees at once where enough of them come together."""
        at, count = 0, len(leaves)
        while at < count:
            if self.size % _SUBTREE or count - at < _SUBTREE:
                self.append(leaves[at])
                at += 1
                continue
            size, peak = self.size >> _SUBTREE_HEIGHT, _folded(leaves[at : at + _SUBTREE])
            while size & 1:
                peak = node_hash(self._peaks.pop(), peak)
                size >>= 1
            self._peaks.append(peak)
            self.size += _SUBTREE
            at += _SUBTREE

    def root(self) -> bytes:
        """Return the root of the tree as it is."""
        if not self._peaks:
            return EMPTY_ROOT
        peaks = reversed(self._peaks)
        root = next(peaks)
        for peak in peaks:
            root = node_hash(peak, root)
        return root

    def copy(self) -> "Frontier":
        """Return an independent copy, for rollback."""
        copy = Frontier()
        copy._peaks = self._peaks.copy()
        copy.size = self.size
        return copy


def range_hash(start: int, end: int, read: HashReader) -> bytes:
    """Return the root over the leaves `[start, end)`: a whole tree, or any range that a proof names."""
    if start == end:
        return EMPTY_ROOT
    complete: list[bytes] = []
    while start < end:
        height = (end - start).bit_length() - 1
        complete.append(read(height, start >> height))
        start += 1 << height
    root = complete.pop()
    while complete:
        root = node_hash(complete.pop(), root)
    return root


def inclusion_proof(index: int, size: int, read: HashReader) -> list[bytes]:
    """Prove that leaf `index` is in the tree of `size` leaves, with O(log size) reads.

    Raises `ValueError` when the leaf is not in that tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in a tree of size {size}")
    siblings: list[_Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return [range_hash(*sibling, read) for sibling in reversed(siblings)]


def consistency_proof(first: int, second: int, read: HashReader) -> list[bytes]:
    """Prove that the tree of `first` leaves is a prefix of that of `second`, with O(log second) reads.

    The proof from the empty tree is empty. Raises `ValueError` when `first` is the larger.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of size {first} is not within a tree of size {second}")
    if first == 0:
        return []
    ranges: list[_Range] = []
    start, end = 0, second
    within_first = True
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
            within_first = False
    if not within_first:
        ranges.append((start, end))
    return [range_hash(*part, read) for part in reversed(ranges)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Check an inclusion proof of a leaf hash (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last = index, size - 1
    computed = leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and computed == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Check a consistency proof (RFC 9162, 2.1.4.2); the empty tree is consistent with every other."""
    if not 0 <= first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


def _folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes."""
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return hashes[0]


def _split(count: int) -> int:
    """Return the largest power of two below `count`: the leaves of the left subtree."""
    return 1 << (count - 1).bit_length() - 1
