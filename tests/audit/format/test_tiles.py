"""Tiles: their paths, and tree hashes read out of them (sections 4.2, 4.5)."""

from typing import Any

import pytest

from acs_sidecar.audit.format.merkle import (
    Frontier,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_hash,
    verify_inclusion,
)
from acs_sidecar.audit.format.tiles import EntryBundle, Tile, TileHashes, entry_bundle, fold, parse_tile_path
from tests.audit.format.vectors import vectors

PUBLISHED = vectors("tiles.json")


@pytest.mark.parametrize("case", PUBLISHED["paths"])
def test_names_tiles_as_published(case: dict[str, Any]) -> None:
    """A tile's path is that of the document, and parses back."""
    tile = Tile(case["level"], case["index"], case["width"])
    assert tile.path == case["path"]
    assert parse_tile_path(case["path"]) == tile


@pytest.mark.parametrize(
    "bundle", [EntryBundle(0), EntryBundle(999, 7), EntryBundle(1000), EntryBundle(10**6)]
)
def test_names_entry_bundles(bundle: EntryBundle) -> None:
    """An entry bundle's path parses back."""
    assert parse_tile_path(bundle.path) == bundle


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/1000",
        "tile/00/000",
        "tile/0/x000/001",
        "tile/0/" + "x001/" * 7 + "001",
        "tile/0/" + "x001/" * 2000 + "001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/8/000",
        "tile/0/../000",
        "tile/-1/000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/data/000",
        "tile/0/" + "x999/" * 7 + "999",
        "checkpoint",
    ],
)
def test_other_paths_are_not_tiles(path: str) -> None:
    """Only the exact form of a path is one; nothing in it can leave the log."""
    assert parse_tile_path(path) is None


def leaves(size: int) -> list[bytes]:
    """Give `size` leaf hashes."""
    return [leaf_hash(b"%d" % index) for index in range(size)]


def levels(size: int) -> list[list[bytes]]:
    """Give the hashes of each tile level of a tree, by the definition."""
    rows = [leaves(size)]
    while len(rows[-1]) >= 256:
        row = rows[-1]
        rows.append([fold(b"".join(row[at : at + 256])) for at in range(0, len(row) - 255, 256)])
    return rows


@pytest.mark.parametrize("case", PUBLISHED["trees"])
def test_a_tree_has_the_published_tiles(case: dict[str, Any]) -> None:
    """The number of full tiles and the width of the partial one of each level are those of the document."""
    counts = [len(row) for row in levels(case["size"])]
    full = {str(level): count // 256 for level, count in enumerate(counts) if count >= 256}
    partial = {str(level): count % 256 for level, count in enumerate(counts) if count % 256}
    assert (full, partial) == (case["full"], case["partial"])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 65_536, 66_000])
def test_reads_tree_hashes_out_of_tiles(size: int) -> None:
    """Root and proofs read from tiles are those of the tree, and only tiles of that tree are asked for."""
    rows = levels(size)

    def fetch(tile: Tile) -> bytes:
        start = tile.index * 256
        hashes = rows[tile.level][start : start + tile.width]
        assert len(hashes) == tile.width
        assert tile.width == min(256, len(rows[tile.level]) - start)
        return b"".join(hashes)

    frontier = Frontier()
    for leaf in rows[0]:
        frontier.append(leaf)
    assert range_hash(0, size, TileHashes(size, fetch)) == frontier.root()
    for index in {0, size // 2, size - 1}:
        proof = inclusion_proof(index, size, TileHashes(size, fetch))
        assert verify_inclusion(rows[0][index], index, size, proof, frontier.root())


def test_folds_a_power_of_two_of_hashes() -> None:
    """Folding gives the root over the hashes."""
    a, b, c, d = leaves(4)
    assert fold(a) == a
    assert fold(a + b + c + d) == node_hash(node_hash(a, b), node_hash(c, d))


def test_joins_entries_behind_their_lengths() -> None:
    """An entry bundle is each entry behind its length in two bytes, big-endian."""
    assert entry_bundle([b"a" * 258, b""]) == b"\x01\x02" + b"a" * 258 + b"\x00\x00"
