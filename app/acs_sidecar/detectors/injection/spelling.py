"""Words of injections whose letters were put in another order, as a reader hardly notices (`ignroe prevoius`)."""

__all__ = ["respelt"]

_WORDS = (
    "ignore", "disregard", "forget", "override", "bypass", "previous", "previously", "prior", "above",
    "earlier", "initial", "original", "everything", "instruction", "instructions", "rules", "guidelines",
    "directives", "directions", "commands", "restrictions", "constraints", "policy", "policies",
    "safeguards", "guardrails", "prompt", "prompts", "system", "developer", "hidden", "secret", "reveal",
    "print", "output", "display", "repeat", "safety", "security", "filters", "password", "passwords",
    "credentials", "unrestricted", "assistant", "your", "message", "messages", "without", "conversation",
    "confidential",
)  # fmt: skip


def _letters(word: str) -> str:
    """Return what a word shares with its misspellings: its first letter, and the others sorted."""
    return word[0] + "".join(sorted(word[1:]))


_SPELT = {_letters(word): word for word in _WORDS}
_STARTS = {size: frozenset(word[0] for word in _WORDS if len(word) == size) for size in {*map(len, _WORDS)}}
_NOTHING: frozenset[str] = frozenset()
_KNOWN = frozenset(_WORDS)


def respelt(folded: str) -> str:
    """Return a folded text, as long as it is, with such words put right."""
    words = folded.split(" ")
    right: dict[str, str] = {}
    for word in set(words):
        if word[:1] in _STARTS.get(len(word), _NOTHING) and word not in _KNOWN:
            spelt = _SPELT.get(_letters(word))
            if spelt:
                right[word] = spelt
    return " ".join([right.get(word, word) for word in words]) if right else folded
