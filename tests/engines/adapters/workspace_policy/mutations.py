"""Mutations of signed documents: `python -m tests.engines.adapters.workspace_policy.mutations --each 100000`.

A mutant is never accepted unless it says the same: only `signing_public_key`, the order of members, white
space and escapes may differ, and of the original's documents what their signature and the manifest leave
open. Each mutant that says the same is made anew. No mutant of the file of trust lets in what another key
has signed.
"""

import copy
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from acs_sidecar.engines.adapters.workspace_policy.checking import check_policy, check_trust
from acs_sidecar.engines.adapters.workspace_policy.verification import Expected
from acs_sidecar.engines.findings import SourceLocation
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A_ID, TRUST, TRUST_FILE, A, B, M, public_hex
from tests.engines.adapters.workspace_policy.vectors import content, document

__all__ = ["NAMES", "Outcome", "mutate"]

AT = SourceLocation("", "policy.json")
ORDER = 2**252 + 27742317777372353535851937790883648493
OPEN = frozenset({"signing_public_key"})
OPEN_LEGACY = OPEN | {"policy_id", "version", "signing_key_id", "activated_at", "updated_at", "supersedes"}
"""What a signature of the content alone leaves open (section 10.4)."""

LOOK_ALIKES = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "-": "\u2010", "_": "\u203f", "1": "\uff11"}
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, 1e300, "", " ", "*", "1", "2", "3", "01", "1.0", "\u0661", "draft"),
    *("active", "revoked", "superseded", "ACTIVE", "active ", [], {}, ["*"], [[]], {"a": "b"}, "0" * 64),
    *("0" * 128, "f" * 128, "2026-01-02T03:04:06Z", "2026-01-02T03:04:05+00:00", A_ID, "ed25519:", "\u202e"),
)


@dataclass
class Outcome:
    """How many mutants were made of each kind of document, what refused them, and those that were accepted."""

    made: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    accepted: list[tuple[str, bytes]] = field(default_factory=list)


def _meaning(value: dict[str, Any], left_open: frozenset[str]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name not in left_open}


@dataclass(frozen=True)
class Kind:
    """A signed document, what is expected of it, and the members that its signature leaves open."""

    value: dict[str, Any]
    expected: Expected
    left_open: frozenset[str] = OPEN

    @property
    def meaning(self) -> dict[str, Any]:
        """What a mutant must not change."""
        return _meaning(self.value, self.left_open)


def _signed(**members: str) -> dict[str, Any]:
    return independent.signed(document("active-2.json") | members, A, A_ID)


WORKSPACE = Expected("ws_xyz789")
LEGACY = document("legacy.json")
KINDS = {
    "active": Kind(document("active-1.json"), WORKSPACE),
    "superseding": Kind(document("active-2.json"), Expected("ws_xyz789", 2)),
    "superseded": Kind(_signed(status="superseded", updated_at="2026-03-02T03:04:05Z"), WORKSPACE),
    "revoked": Kind(document("revoked-3.json"), WORKSPACE),
    "legacy": Kind(LEGACY, Expected("ws_xyz789", content_hash=LEGACY["hash"]), OPEN_LEGACY),
}
FOREIGN = tuple(content(name) for name in ("other-key.json", "content-changed.json", "version-raised.json"))
"""Documents that no change of the file of trust lets in."""

OTHERS = [
    *(document(name) for name in ("active-1.json", "active-2.json", "revoked-3.json", "draft.json")),
    *(document(name) for name in ("legacy.json", "legacy-own-key.json", "other-key.json")),
]


TRUST_NAME = "trust"
NAMES = (*KINDS, TRUST_NAME)
AUTHENTIC = [
    _meaning(value, OPEN) for value in OTHERS if value.get("signing_key_id") == A_ID and "signature" in value
]
"""What the trusted key has signed: a mutant may well become another one of these."""


def mutate(each: int, seed: int, names: Sequence[str] = NAMES) -> Outcome:
    """Make so many mutants of each of these; collect those that are accepted."""
    outcome = Outcome()
    for name in names:
        rng = random.Random(f"{seed} {name}")
        if name == TRUST_NAME:
            _mutate_trust(rng, each, outcome)
        else:
            _mutate_document(rng, each, name, outcome)
    return outcome


def _mutate_document(rng: random.Random, each: int, name: str, outcome: Outcome) -> None:
    kind = KINDS[name]
    while outcome.made[name] < each:
        text = _mutant(rng, kind)
        if _says(text, kind.left_open) == kind.meaning or _says(text, OPEN) in AUTHENTIC:
            continue
        outcome.made[name] += 1
        found = check_policy(text, AT, TRUST, kind.expected)
        if found.key is not None:
            outcome.accepted.append((name, text))
        for code in {finding.code for finding in found.findings if finding.severity == "error"}:
            outcome.refused[code] += 1


def _mutate_trust(rng: random.Random, each: int, outcome: Outcome) -> None:
    for _ in range(each):
        text = _damaged(rng, TRUST_FILE.encode())
        outcome.made[TRUST_NAME] += 1
        trust, faults = check_trust(text, AT)
        outcome.refused["trust file" if faults else "trust file of another meaning"] += 1
        if (faults and trust.keys) or any(
            check_policy(foreign, AT, trust, WORKSPACE).key for foreign in FOREIGN if trust.keys
        ):
            outcome.accepted.append((TRUST_NAME, text))


def _says(text: bytes, left_open: frozenset[str]) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _meaning(value, left_open) if isinstance(value, dict) else None


def _mutant(rng: random.Random, kind: Kind) -> bytes:
    if rng.random() < 0.4:
        return _damaged(rng, json.dumps(kind.value).encode())
    value = json.loads(json.dumps(kind.value))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(CHANGES)(rng, value)
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")


def _damaged(rng: random.Random, text: bytes) -> bytes:
    """Change the bytes of a text: bits, whole bytes, pieces that go, come twice or trade places."""
    changed = bytearray(text)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(changed) or 1)
        to = min(len(changed), at + rng.choice((1, 1, 2, 16, 64)))
        match rng.randrange(6):
            case 0 if changed:
                changed[at] ^= 1 << rng.randrange(8)
            case 1 if changed:
                changed[at] = rng.randrange(256)
            case 2:
                del changed[at:to]
            case 3:
                changed[at:at] = changed[at:to]
            case 4:
                changed[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
            case _:
                piece = bytes(changed[at:to])
                del changed[at:to]
                there = rng.randrange(len(changed) + 1)
                changed[there:there] = piece
    return bytes(changed)


def _objects(value: Any) -> list[dict[str, Any]]:
    found = [value] if isinstance(value, dict) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found + [each for part in inner for each in _objects(part)]


def _remove(rng: random.Random, value: dict[str, Any]) -> None:
    where = rng.choice(_objects(value))
    if where:
        del where[rng.choice([*where])]


def _replace(rng: random.Random, value: dict[str, Any]) -> None:
    where = rng.choice(_objects(value))
    if where:
        where[rng.choice([*where])] = copy.deepcopy(rng.choice(STRANGE))


def _add(rng: random.Random, value: dict[str, Any]) -> None:
    names = (*value, "allow_tools", "Version", "version ", "__proto__", "content", "supersedes", "updated_at")
    rng.choice(_objects(value))[rng.choice(names)] = copy.deepcopy(rng.choice(STRANGE))


def _of_another(rng: random.Random, value: dict[str, Any]) -> None:
    """Put in a member, or some, of another document: its signature, its hash, its content."""
    other = rng.choice(OTHERS)
    for name in rng.sample([*other], rng.choice((1, 1, 2, 3, len(other) - 1))):
        value[name] = copy.deepcopy(other[name])


def _lists(rng: random.Random, value: dict[str, Any]) -> None:
    """Change an entry of a list, its order, or how many there are."""
    found = [each for where in _objects(value) for each in where.values() if isinstance(each, list)]
    if not found:
        return
    chosen = rng.choice(found)
    match rng.randrange(4):
        case 0:
            chosen.append(rng.choice(("*", "gpt-4", "rm", 1, None)))
        case 1 if chosen:
            chosen.pop(rng.randrange(len(chosen)))
        case 2 if len(chosen) > 1:
            chosen.reverse()
        case _:
            chosen[:] = [_alike(rng, entry) for entry in chosen]


def _alike(rng: random.Random, text: Any) -> Any:
    """Write a text so that it looks alike: other letters, cases, forms, characters that do not show."""
    if not isinstance(text, str) or not text:
        return text
    at = rng.randrange(len(text))
    return rng.choice(
        (
            text.upper(),
            text + rng.choice(("\u200b", " ", "\n", "\x00", "\u0301", "*")),
            text[:at] + LOOK_ALIKES.get(text[at], text[at].swapcase()) + text[at + 1 :],
            text[:at] + text[at:][::-1],
        )
    )


def _text(rng: random.Random, value: dict[str, Any]) -> None:
    where = rng.choice(_objects(value))
    names = [name for name, each in where.items() if isinstance(each, str)]
    if names:
        name = rng.choice(names)
        where[name] = _alike(rng, where[name])


def _signature(rng: random.Random, value: dict[str, Any]) -> None:
    """Replace the signature by what a lax reader takes for it, or by one of another key or message."""
    given = value.get("signature")
    if not isinstance(given, str) or len(given) != 128:
        return
    try:
        signature = bytes.fromhex(given)
    except ValueError:
        return
    first, second = signature[:32], signature[32:]
    raised = (int.from_bytes(second, "little") + ORDER * rng.choice((1, 2, 8))) % 2**256
    message = independent.statement(value)
    value["signature"] = rng.choice(
        (
            first.hex() + raised.to_bytes(32, "little").hex(),
            (second + first).hex(),
            (first[:-1] + bytes([first[-1] ^ 0x80]) + second).hex(),
            (b"\x01" + bytes(31) + second).hex(),
            (b"\x01" + bytes(63)).hex(),
            given.upper(),
            rng.choice((B, M)).sign(message).hex(),
            A.sign(message + b"\n").hex(),
            A.sign(b"acs-sidecar/manifest/v2\n" + message.partition(b"\n")[2]).hex(),
            rng.randbytes(64).hex(),
        )
    )


def _key(rng: random.Random, value: dict[str, Any]) -> None:
    """Sign with another key, and say that it is the trusted one, or bring it along."""
    key = rng.choice((B, M))
    resigned = independent.signed(value, key, rng.choice((A_ID, "ed25519:00", A_ID.upper())))
    value.update(resigned | {"signing_public_key": public_hex(rng.choice((A, key)))})


CHANGES: tuple[Callable[[random.Random, dict[str, Any]], None], ...] = (
    *(_remove, _replace, _add, _of_another, _lists, _text, _signature),
    lambda rng, value: _key(rng, value) if isinstance(value.get("content"), dict) else None,
)


def main(
    each: Annotated[int, typer.Option(help="mutants of each kind of document")] = 100_000,
    seed: Annotated[int, typer.Option(help="seed of all of them")] = 0,
) -> None:
    """Make mutants, and print what refused them; exit 1 if one was accepted."""
    refused: Counter[str] = Counter()
    accepted: list[tuple[str, bytes]] = []
    for name in NAMES:
        outcome = mutate(each, seed, [name])
        print(f"{name:<12} {outcome.made[name]:>8} mutants  {len(outcome.accepted)} accepted", flush=True)
        refused += outcome.refused
        accepted += outcome.accepted
    for code, count in refused.most_common():
        print(f"  {code:<28} {count:>8}")
    for name, text in accepted[:10]:
        print(f"accepted: {name}: {text!r}", file=sys.stderr)
    raise typer.Exit(1 if accepted else 0)


if __name__ == "__main__":
    typer.run(main)
