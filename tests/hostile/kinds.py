"""Fuzzing of what reads hostile text, without a service: `python -m tests.hostile.kinds --inputs 1000000`.

Each kind has a reader and the errors that it may answer with; anything else that it raises is a fault. Inputs are valid ones with
damage, so that they get far.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.engines.rego.extensions import expressions
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.diagnostics import MAX_FINDINGS, ManifestError
from acs_sidecar.spec.manifest.model import document_of, read_manifest
from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.transports.http.bodies import parse_batch, parse_evaluate, parse_resolve
from tests.engines.rego.policies import bound, policy_input
from tests.hostile.generator import REGO, SNAPSHOT, STRANGE, TOKENS, Generator
from tests.manifests.test_schema import COMPILER

SLOWEST_S = 2.0
"""Of processor time: what else runs on the machine is no fault of a reader."""
YAML = """agent_control_specification_version: 0.3.1-beta
policies: {p: &p {type: test, output: {decision: deny}}, q: *p}
tools:
  t: {clearance: 1, "a b": [1, 2.5, 0x1f, null, true, "\\u0041"]}
  u: |
    text
intervention_points: {input: {policy_target: $.input, policy: {id: p}}}
"""
EXPRESSIONS = [
    r"^a(b|c)*d$",
    r"[[:alpha:]]+\d{2,3}",
    r"(?i)x(?P<n>y+?)z",
    r"\bfoo\B|bar\s",
    r"[^a-z]{1,5}",
    r"\p{L}+",
]
TEXTS = ["aaaaaaaaaaaaaaaaaaaa!", "abcbcbcd", "xYYz", "", "\u00e9\u0130\U0001f600", "foo bar 123"]
MARKS = [
    "\x1b[2J",
    "\r\n",
    "\u202e",
    "\u2028",
    "\x9b31m",
    "\x00",
    "\ud800",
    "\U000e0041",
    "[bold]",
    "\x07",
    "\u200b",
]

BOUNDED_TOKENS = [token for token in TOKENS if b"numbers.range" not in token]
"""An operator's policy runs in this process, whose memory nothing bounds."""


class Kinds:
    """One method a kind: it makes an input, reads it, and raises what the reader raised."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # reproducible on purpose
        self._generator = Generator(seed)
        self._limits = load_settings({}).settings.limits
        self.last: object = None

    def bodies(self) -> None:
        """Bodies of the decision routes."""
        _, body = self._generator.request()
        self.last = body
        match self._random.randrange(3):
            case 0:
                parse_evaluate(body, "input")
            case 1:
                parse_batch(body)
            case _:
                parse_resolve(body)

    def manifests(self) -> None:
        """Manifests as objects, with strange values in them."""
        manifest = self._generator.manifest()
        for _ in range(self._random.randint(1, 4)):
            self._generator.replace(manifest)
        self.last = manifest
        read_manifest(document_of(manifest), self._limits, COMPILER.members, MAX_FINDINGS)

    def yaml(self) -> None:
        """Documents as text, YAML and JSON."""
        source = YAML if self._random.random() < 0.7 else orjson.dumps(self._generator.manifest()).decode()
        self.last = text = self._damaged(source)
        parse_document(text)

    def rego(self) -> None:
        """Policies, which are evaluated when they compile."""
        self.last = text = self._damaged(REGO, BOUNDED_TOKENS)
        policy = bound({"type": "rego", "modules": {"p": text}, "query": "data.p.v"})
        policy.evaluate(policy_input(SNAPSHOT))

    def regular_expressions(self) -> None:
        """Patterns and texts of every builtin that takes a pattern."""
        pattern = self._damaged(self._random.choice(EXPRESSIONS))
        text = self._damaged(self._random.choice(TEXTS))
        self.last = (pattern, text)
        expressions.is_valid(pattern)
        read: Callable[[], object] = self._random.choice(
            [
                lambda: expressions.matches(pattern, text),
                lambda: expressions.find_n(pattern, text, -1),
                lambda: expressions.find_submatches(pattern, text, -1),
                lambda: expressions.split(pattern, text),
                lambda: expressions.replaced(text, pattern, "$0${n}$$"),
                lambda: expressions.template_matches(pattern, text, "(", ")"),
            ]
        )
        read()

    def terminal_text(self) -> None:
        """Text that is shown, alone and inside JSON that keeps its value."""
        value: Any = self._random.choice([*TEXTS, *STRANGE])
        text = value if isinstance(value, str) else str(value)
        for _ in range(self._random.randint(0, 5)):
            place = self._random.randint(0, len(text))
            mark = self._random.choice([*MARKS, chr(self._random.randrange(0x110000))])
            text = text[:place] + mark + text[place:]
        self.last = text
        if not printable(text).isprintable():
            raise AssertionError("text that does not print is shown")
        if max(text, default="") >= "\ud800" and any("\ud800" <= one <= "\udfff" for one in text):
            return
        written = orjson.dumps({text: text}).decode()
        shown = printable_json(written)
        if not shown.replace("\n", "").isprintable() or orjson.loads(shown) != orjson.loads(written):
            raise AssertionError("JSON that is shown is not safe or another value")

    def _damaged(self, text: str, tokens: Sequence[bytes] = TOKENS) -> str:
        for _ in range(self._random.randint(0, 2)):
            place = self._random.randrange(len(text) + 1)
            until = place + self._random.choice([0, 0, 1, 8])
            token = self._random.choice(tokens).decode(errors="replace")
            text = text[:place] + token + text[until:]
        return text


EXPECTED: dict[str, tuple[type[Exception], ...]] = {
    "bodies": (RefusalError,),
    "manifests": (ManifestError,),
    "yaml": (DocumentError,),
    "rego": (ManifestError, EvaluationError),
    # A builtin refuses a pattern, or what it would make, with a value error: the evaluation then fails closed.
    "regular_expressions": (ValueError,),
    "terminal_text": (),
}


TURNS = ("bodies", "manifests", "yaml", "regular_expressions", "terminal_text")
"""A round in which an input of every kind comes, and a policy, which takes as long as ten others, once in five."""


@dataclass
class Readings:
    """How many inputs of each kind were made, how many were read to the end, and what went wrong."""

    made: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return how many there are of each kind."""
        each = ", ".join(
            f"{kind} {self.made[kind]:,} ({self.accepted[kind]:,} to the end)" for kind in self.made
        )
        return f"{self.made.total():,} inputs: {each}; {len(self.faults)} faults"


def run(
    inputs: int,
    seed: int,
    kinds: tuple[str, ...] = (*TURNS * 5, "rego"),
    show: Callable[[str], None] = lambda _: None,
) -> Readings:
    """Read so many inputs of the kinds in turn; `show` is told every 50,000 how far it is."""
    maker = Kinds(seed)
    readings = Readings()
    faults = readings.faults
    for number in range(inputs):
        kind = kinds[number % len(kinds)]
        readings.made[kind] += 1
        begun = time.thread_time()
        try:
            getattr(maker, kind)()
            readings.accepted[kind] += 1
        except EXPECTED[kind]:
            pass
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            faults.append(f"{kind}: {type(error).__name__}: {str(error)[:200]} for {maker.last!r:.1000}")
        if (took := time.thread_time() - begun) > SLOWEST_S:
            faults.append(f"{kind}: {took:.1f} s for {maker.last!r:.1000}")
        if len(faults) >= 50:
            break
        if number % 50_000 == 49_999:
            show(str(readings))
    return readings


def main(
    inputs: Annotated[int, typer.Option(help="How many inputs.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same inputs.")] = 1,
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds.")] = None,
) -> None:
    """Read hostile inputs of every kind; exits 1 when a reader failed in a way that it may not."""
    progress = Console(stderr=True, soft_wrap=True, highlight=False)
    readings = run(inputs, seed, tuple(kind) if kind else (*TURNS * 5, "rego"), progress.print)
    console = Console(soft_wrap=True, highlight=False)
    console.print(str(readings))
    for fault in readings.faults:
        console.print(fault, markup=False)
    sys.exit(1 if readings.faults else 0)


if __name__ == "__main__":
    typer.run(main)
