"""Section 2.5: whose manifests a worker keeps when callers bring more than it has room for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.manifests.inline_cache import InlineCache
from acs_sidecar.spec.manifest.compiled import InvalidManifest, Provenance
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.owner import NOBODY, Owner

MANIFEST = InvalidManifest(None, Provenance.INLINE, ManifestError([Diagnostic("x", "x")]), None)


def test_a_flood_of_new_manifests_pushes_out_no_manifest_that_was_used_again() -> None:
    """What one caller uses stays, whatever others bring once."""
    cache = InlineCache(64, 1_000_000)
    cache.put(b"mine", MANIFEST, NOBODY, 10_000)
    assert cache.get(b"mine") is MANIFEST
    for number in range(10_000):
        cache.put(b"%d" % number, MANIFEST, NOBODY, 8_192)
    assert cache.get(b"mine") is MANIFEST


def test_a_flood_of_manifests_that_are_used_again_is_its_callers_own_loss() -> None:
    """The caller that has the most bytes loses first, of new manifests and of those used again."""
    cache = InlineCache(1_000, 1_000_000)
    cache.put(b"mine", MANIFEST, Owner("bystander"), 10_000)
    assert cache.get(b"mine") is MANIFEST
    cache.put(b"new", MANIFEST, Owner("bystander"), 10_000)
    for number in range(1_000):
        cache.put(b"%d" % number, MANIFEST, Owner("thrasher"), 20_000)
        cache.get(b"%d" % number)
    assert b"mine" in cache
    assert b"new" in cache


def test_a_flood_over_few_connections_pushes_out_nothing_of_another() -> None:
    """Where callers have no names each connection has its share, for new manifests too."""
    cache = InlineCache(64, 1_000_000)
    for number in range(4):
        cache.put(b"mine%d" % number, MANIFEST, Owner("connection 1"), 10_000)
    for number in range(10_000):
        cache.put(b"%d" % number, MANIFEST, Owner(f"connection {2 + number % 8}"), 8_192)
    assert all(b"mine%d" % number in cache for number in range(4))


@pytest.mark.parametrize("again", [False, True])
def test_new_connections_are_no_new_shares(again: bool) -> None:
    """What closed connections have left is one share, however many there were."""
    cache = InlineCache(64, 1_000_000)
    for number in range(8):
        cache.put(b"mine%d" % number, MANIFEST, Owner("connection 1"), 10_000)
        if again:
            cache.get(b"mine%d" % number, Owner("connection 1"))
    for number in range(1_000):
        connection = Owner(f"connection {2 + number}")
        cache.put(b"%d" % number, MANIFEST, connection, 8_192)
        if again:
            cache.get(b"%d" % number, connection)
        connection.gone = True
    assert all(b"mine%d" % number in cache for number in range(8))


def test_what_a_closed_connection_has_left_belongs_to_who_uses_it_next() -> None:
    """A caller that connects again has its manifests and its share again."""
    cache = InlineCache(64, 1_000_000)
    before, after, flood = Owner("connection 1"), Owner("connection 2"), Owner("connection 3")
    cache.put(b"mine", MANIFEST, before, 10_000)
    before.gone = True
    assert cache.get(b"mine", after) is MANIFEST
    for number in range(1_000):
        cache.put(b"%d" % number, MANIFEST, flood, 8_192)
        cache.get(b"%d" % number, flood)
    assert b"mine" in cache


def test_a_new_manifest_always_finds_room() -> None:
    """Manifests that were used again take three quarters of the room and leave the rest."""
    cache = InlineCache(8, 1_000)
    for number in range(8):
        cache.put(b"%d" % number, MANIFEST, NOBODY, 100)
        cache.get(b"%d" % number)
    cache.put(b"new", MANIFEST, NOBODY, 100)
    assert b"new" in cache


def test_a_manifest_that_is_too_large_is_not_kept() -> None:
    """One above the bound by itself is compiled for its request alone."""
    cache = InlineCache(8, 1_000)
    cache.put(b"large", MANIFEST, NOBODY, 1_001)
    assert (len(cache), cache.size) == (0, 0)


steps = st.lists(
    st.tuples(
        st.integers(0, 20), st.sampled_from(["", "a", "b"]), st.integers(1, 600), st.booleans(), st.booleans()
    )
)


@given(steps)
def test_the_bounds_hold_after_any_use(steps: list[tuple[int, str, int, bool, bool]]) -> None:
    """Neither entries nor bytes ever exceed their bounds, and the sum is that of what is kept."""
    cache = InlineCache(5, 1_000)
    sizes: dict[bytes, int] = {}
    owners: dict[str, Owner] = {}
    for number, name, size, again, leaves in steps:
        owner = owners.setdefault(name, Owner(name))
        key = b"%d" % number
        if key not in cache:
            cache.put(key, MANIFEST, owner, size)
            sizes[key] = size
        if again:
            cache.get(key, owner)
        if leaves:
            owners.pop(name).gone = True
        kept = [key for key in sizes if key in cache]
        assert len(kept) == len(cache) <= 5
        assert sum(sizes[key] for key in kept) == cache.size <= 1_000
