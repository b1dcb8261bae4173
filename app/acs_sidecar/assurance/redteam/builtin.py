"""The corpus that comes with the product, written for it (section 8.4)."""

from importlib.resources import files

from acs_sidecar.assurance.redteam.corpus import Corpus

__all__ = ["BUILT_IN", "built_in_corpus"]

BUILT_IN = "built-in"


def built_in_corpus() -> Corpus:
    """Read the built-in corpus, its held-out part included."""
    folder = files("acs_sidecar.assurance.redteam") / "corpora"
    return Corpus.of(
        BUILT_IN,
        {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".jsonl")},
    )
