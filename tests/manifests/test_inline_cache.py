"""Section 2.5: whose manifests a worker keeps when callers bring more than it has room for."""

from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.manifests.inline_cache import InlineCache
from acs_sidecar.spec.manifest.compiled import InvalidManifest, Provenance
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError

MANIFEST = InvalidManifest(None, Provenance.INLINE, ManifestError([Diagnostic("x", "x")]), None)


def test_a_flood_of_new_manifests_pushes_out_no_manifest_that_was_used_again() -> None:
    """What one caller uses stays, whatever others bring once."""
    cache = InlineCache(64, 1_000_000)
    cache.put(b"mine", MANIFEST, "", 10_000)
    assert cache.get(b"mine") is MANIFEST
    for number in range(10_000):
        cache.put(b"%d" % number, MANIFEST, "", 8_192)
    assert cache.get(b"mine") is MANIFEST


def test_a_flood_of_manifests_that_are_used_again_is_its_callers_own_loss() -> None:
    """The caller that has the most bytes loses first, of new manifests and of those used again."""
    cache = InlineCache(1_000, 1_000_000)
    cache.put(b"mine", MANIFEST, "bystander", 10_000)
    assert cache.get(b"mine") is MANIFEST
    cache.put(b"new", MANIFEST, "bystander", 10_000)
    for number in range(1_000):
        cache.put(b"%d" % number, MANIFEST, "thrasher", 20_000)
        cache.get(b"%d" % number)
    assert b"mine" in cache
    assert b"new" in cache


def test_a_new_manifest_always_finds_room() -> None:
    """Manifests that were used again take three quarters of the room and leave the rest."""
    cache = InlineCache(8, 1_000)
    for number in range(8):
        cache.put(b"%d" % number, MANIFEST, "", 100)
        cache.get(b"%d" % number)
    cache.put(b"new", MANIFEST, "", 100)
    assert b"new" in cache


def test_a_manifest_that_is_too_large_is_not_kept() -> None:
    """One above the bound by itself is compiled for its request alone."""
    cache = InlineCache(8, 1_000)
    cache.put(b"large", MANIFEST, "", 1_001)
    assert (len(cache), cache.size) == (0, 0)


steps = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(["", "a", "b"]), st.integers(1, 600), st.booleans())
)


@given(steps)
def test_the_bounds_hold_after_any_use(steps: list[tuple[int, str, int, bool]]) -> None:
    """Neither entries nor bytes ever exceed their bounds, and the sum is that of what is kept."""
    cache = InlineCache(5, 1_000)
    sizes: dict[bytes, int] = {}
    for number, caller, size, again in steps:
        key = b"%d" % number
        if key not in cache:
            cache.put(key, MANIFEST, caller, size)
            sizes[key] = size
        if again:
            cache.get(key)
        kept = [key for key in sizes if key in cache]
        assert len(kept) == len(cache) <= 5
        assert sum(sizes[key] for key in kept) == cache.size <= 1_000
