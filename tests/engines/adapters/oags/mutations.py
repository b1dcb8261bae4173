"""Mutations of signed identities: `python -m tests.engines.adapters.oags.mutations --each 100000`.

A mutant of what an agent presents is never taken for the agent unless it says the same: white space around the
prompt, the layout of the tools, the old prefix of the id and the case of hex digits may differ, and the claim
may be left out, since the id is computed. Each mutant that says the same is made anew.
"""

import copy
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from acs_sidecar.engines.adapters.oags.identity.hashing import WHITE_SPACE, agent_identity
from acs_sidecar.engines.adapters.oags.identity.signing import sign
from acs_sidecar.engines.adapters.oags.identity.startup import IdentityCheck
from acs_sidecar.spec.values import Json

__all__ = ["KINDS", "Outcome", "mutate"]

SECRET, OTHER_SECRET = "01" * 32, "02" * 32
PUBLIC = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
ORDER = 2**252 + 27742317777372353535851937790883648493
PREFIX = "sekuire://blake3:"
TOOLS: list[Json] = [{"name": "b", "args": {"z": 1, "a": [2, 1.5, "é"]}}, {"name": "a", "args": {}}]
EXPECTED = agent_identity("m-1", "Be brief.", TOOLS).id
SIGNED = {
    "model": "m-1",
    "system_prompt": "Be brief.",
    "sekuire_id": EXPECTED,
    "signature": sign(EXPECTED, SECRET),
}
KINDS: dict[str, dict[str, Any]] = {
    "tools as JSON": SIGNED | {"tools": TOOLS},
    "tools as text": SIGNED | {"tools": json.dumps(TOOLS)},
}
STRANGE: tuple[Any, ...] = (
    *(None, True, 0, 1.0, "", " ", "m-1 ", "M-1", "Be brief", "Be brief.\u200b", "[]", [], {}, EXPECTED),
    *("0" * 64, EXPECTED.upper(), PREFIX + "0" * 64, "00" * 64, [TOOLS], json.dumps(TOOLS[:1]), TOOLS[:1]),
)


@dataclass
class Outcome:
    """How many mutants were made of each kind, which rules they broke, and those that broke none."""

    made: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    accepted: list[tuple[str, bytes]] = field(default_factory=list)


def mutate(each: int, seed: int, names: Sequence[str] = tuple(KINDS)) -> Outcome:
    """Make so many mutants of each kind; collect those that are accepted."""
    outcome = Outcome()
    check = IdentityCheck(EXPECTED, require_inputs=True, signers=(PUBLIC,))
    for name in names:
        rng = random.Random(f"{seed} {name}")
        while outcome.made[name] < each:
            text = _mutant(rng, KINDS[name])
            try:
                presented = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if _says_the_same(presented):
                continue
            outcome.made[name] += 1
            broken = [*check.broken(presented)]
            outcome.broken.update(rule.value for rule in broken)
            if not broken:
                outcome.accepted.append((name, text))
    return outcome


def _says_the_same(presented: Any) -> bool:
    if not isinstance(presented, dict):
        return False
    claim, signature, prompt = (presented.get(name) for name in ("sekuire_id", "signature", "system_prompt"))
    return (
        presented.get("model") == "m-1"
        and isinstance(prompt, str)
        and prompt.strip(WHITE_SPACE) == "Be brief."
        and _written(presented.get("tools")) == _written(TOOLS)
        and claim in (None, EXPECTED, PREFIX + EXPECTED)
        and isinstance(signature, str)
        and signature.lower() == SIGNED["signature"]
    )


def _written(tools: Any) -> str:
    """Return tools in one layout; a text that is no JSON as it stands."""
    if isinstance(tools, str):
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError):
            return f"text {tools}"
    return json.dumps(tools, sort_keys=True)


def _mutant(rng: random.Random, given: dict[str, Any]) -> bytes:
    if rng.random() < 0.4:
        text = bytearray(json.dumps(given).encode())
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(len(text))
            text[at : at + rng.choice((0, 1, 1, 2))] = rng.choice((b"", b"0", b"a", b"\\u0020", b'"', b"1"))
        return bytes(text)
    value = copy.deepcopy(given)
    for _ in range(rng.choice((1, 1, 2))):
        _change(rng, value)
    return json.dumps(value).encode()


def _change(rng: random.Random, value: dict[str, Any]) -> None:
    name = rng.choice((*value, "tools", "signature"))
    given = value.get(name)
    match rng.randrange(4):
        case 0:
            value.pop(name, None)
        case 1:
            value[name] = copy.deepcopy(rng.choice(STRANGE))
        case 2 if isinstance(given, str) and given:
            at = rng.randrange(len(given))
            value[name] = (
                given[:at] + rng.choice(("", "0", "é", "\u0430", given[at].swapcase())) + given[at + 1 :]
            )
        case 2 if isinstance(given, list) and given:
            part = rng.choice(given)
            if isinstance(part, dict):
                part[rng.choice(("name", "args", "more"))] = copy.deepcopy(rng.choice(STRANGE))
            given.append(given[0])
        case _:
            value["signature"] = _signature(rng)


def _signature(rng: random.Random) -> str:
    """Return what a lax reader takes for the signature, or one of another key or text."""
    first, second = SIGNED["signature"][:64], SIGNED["signature"][64:]
    raised = (int.from_bytes(bytes.fromhex(second), "little") + ORDER * rng.choice((1, 2, 8))) % 2**256
    return rng.choice(
        (
            first + raised.to_bytes(32, "little").hex(),
            second + first,
            sign(EXPECTED, OTHER_SECRET),
            sign(EXPECTED.upper(), SECRET),
            sign(PREFIX + EXPECTED, SECRET),
            sign(EXPECTED + "\n", SECRET),
            "01" + "00" * 63,
            SIGNED["signature"] + "00",
            f" {SIGNED['signature']}",
        )
    )


def main(
    each: Annotated[int, typer.Option(help="mutants of each kind of identity")] = 100_000,
    seed: Annotated[int, typer.Option(help="seed of all of them")] = 0,
) -> None:
    """Make mutants, and print which rules they broke; exit 1 if one was accepted."""
    outcome = mutate(each, seed)
    for name, made in outcome.made.items():
        accepted = [text for kind, text in outcome.accepted if kind == name]
        print(f"{name:<14} {made:>8} mutants  {len(accepted)} accepted")
    for rule, count in outcome.broken.most_common():
        print(f"  {rule:<28} {count:>8}")
    for name, text in outcome.accepted[:10]:
        print(f"accepted: {name}: {text!r}", file=sys.stderr)
    raise typer.Exit(1 if outcome.accepted else 0)


if __name__ == "__main__":
    typer.run(main)
