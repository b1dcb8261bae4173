"""`python -m tests.differential.written_out --modules 10000`: policies with imports, against the same without them.

Each policy is generated twice from one seed: with imports, aliases and imports behind rules, and with every
reference written out in full. Where both are taken, both must give the same for all inputs (section 8.1). A fault that
is put into the first must be reported where it stands, and the text of the second must stay as it is.
"""

import argparse
import random
import re
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import count

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.module import Module
from acs_sidecar.engines.rego.parser_forms import in_parser_forms
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.differential.generator import Generated, PolicyGenerator
from tests.engines.rego.policies import INDEXED, bound, definition

__all__ = ["TwoForms", "compare_forms", "two_forms"]

_LIBRARY = (
    'aux(x) := [x, input.n]\nval := {"a": {"b": [1, 2]}, "n": input.n}\nq contains x if { x := input.n }\n'
)
_AT_END = re.compile(r"(?<=\)) := true$|;$", re.MULTILINE)
_LONG = 200
_ROWS_ALONE = 0.75
"""A share of policies has the rows below alone: of the generated rules many are refused, in both forms."""
_FAULT = "fault := nowhere(1)"
_ROWS = [
    "e0 := LIB.aux(1)",
    "e1 := LIB.val.a.b[1] # lib.val, lib.aux(1)",
    "e2 := {x | x := LIB.val[_]}",
    "e3 := x if { x := LIB.val with input.n as 3 }",
    'e4 := x if { x := LIB.val.n with LIB.val as {"n": 4} }',
    "e5 := [y | x := 1; y := LIB.aux(x)[_]]",
    'e6 := [lib | some lib in [{"val": 1}, 2]]',
    "e7(lib) := lib.val",
    "e8(x, lib) := [x, lib]",
    'e9 := [k | lib := {"q": 1}; some k, _ in lib]',
    "e10 := x if { some x in [lib | lib := 2] }",
    'e11 := x if { lib := {"val": 3}; x := lib.val }',
    'e12 := `lib.aux(1) lib_.val # "`',
    'e13 := "lib.aux(1) \\" lib.val"',
    "e14 := {k: v | some k, v in LIB.val.a}",
    "e15 if { not LIB.val.none; every v in LIB.val.a.b { v > 0 } }",
    'e16 := LIB["val"]["a"]',
    "e17 contains y if { some x in [1, 2]; y := LIB.aux(x) }",
    "e18 := LIB.aux(LIB.aux(LIB.val.a))",
    "e19 := y if { some y in LIB.q }",
    "e20[LIB.val.a.b[0]] := 1",
    "e21 := 1 if { LIB.val.a.b == [1,\n 2] # of lib\n} else := LIB.val",
    "e22 := count(LIB.q)",
    "e23 := x if { some lib; [1, 2][lib] == 2; x := lib }",
    "e24 := x if { x := LIB.aux(1)[1] with input.n as 5; not LIB.none }",
]
"""Rules beside the generated ones, with `LIB` for the library by the name that a module has for it."""


@dataclass(frozen=True, slots=True)
class TwoForms:
    """One policy by its modules: with imports, and written out in full; and inputs."""

    imported: dict[str, str]
    written_out: dict[str, str]
    inputs: list[Json]
    faulty: dict[str, str]
    """The first with a call of a function that is not there, by the name `nowhere`."""


class _Imported(PolicyGenerator):
    def _import_form(self) -> str:
        form = super()._import_form()
        return form if form in {"import", "as"} else "as"

    def _in_lines(self, rule: str) -> str:
        """Break long rules, whatever the form: the engine reads lines of 1,024 columns, and rewriting lengthens them."""
        return rule if len(rule) < _LONG else rule.replace("; ", "\n  ").replace(" else :=", "\n  else :=")


class _WrittenOut(_Imported):
    def _import_form(self) -> str:
        super()._import_form()
        return "full"


def two_forms(seed: int) -> TwoForms:
    """Return the policy of a seed in both forms."""
    choose = random.Random(seed)
    imported, full = (make(random.Random(seed)).policy() for make in (_Imported, _WrittenOut))
    alone = choose.random() < _ROWS_ALONE
    for policy in (imported, full):
        if alone:
            policy.rules = {module: [] for module in policy.rules}
        policy.heads.setdefault("lib.rego", "package lib")
        policy.rules.setdefault("lib.rego", [])
        policy.rules["lib.rego"].append(_LIBRARY)
    head = imported.heads["p.rego"].split("\n")
    name = "lib"
    if "import data.lib as lib_" in head:
        name = "lib_"
    elif "import data.lib" not in head:
        name = choose.choice(["lib", "lib_"])
        head.append("import data.lib" if name == "lib" else "import data.lib as lib_")
    imported.heads["p.rego"] = "\n".join(head)
    rows = choose.sample(_ROWS, choose.randint(3, 10))
    imported.rules["p.rego"] += [row.replace("LIB", name) for row in rows]
    full.rules["p.rego"] += [row.replace("LIB", "data.lib") for row in rows]
    _move_imports(imported, choose)
    modules = imported.modules()
    rules = imported.rules["p.rego"]
    rules.insert(choose.randint(0, len(rules)), _FAULT)
    return TwoForms(modules, full.modules(), imported.inputs, imported.modules())


def _move_imports(policy: Generated, choose: random.Random) -> None:
    """Put half of the imports of `p` behind rules."""
    first, *imports = policy.heads["p.rego"].split("\n")
    rules = policy.rules["p.rego"]
    kept = [first]
    for line in imports:
        if line.startswith("import data.") and choose.random() < 0.5:
            rules.insert(choose.randint(0, len(rules)), line)
        else:
            kept.append(line)
    policy.heads["p.rego"] = "\n".join(kept)


def compare_forms(policy: TwoForms) -> str:
    """Return what came of a comparison: `equal`, `both refused`, or what must not be."""
    imported, full = (_answers(form, policy.inputs) for form in (policy.imported, policy.written_out))
    if isinstance(imported, str) and isinstance(full, str):
        return "both refused"
    if isinstance(imported, str) or isinstance(full, str):
        return (
            f"refused with imports alone: {imported}"
            if isinstance(imported, str)
            else f"refused in full alone: {full}"
        )
    if imported != full:
        return "different"
    if any(_is_changed(name, text) for name, text in policy.written_out.items() if "import" not in text):
        return "a text without imports was changed"
    line = policy.faulty["p.rego"].partition(_FAULT)[0].count("\n") + 1
    said = _answers(policy.faulty, [])
    return (
        "equal"
        if f" p.rego:{line}:{_FAULT.index('nowhere') + 1}" in said
        else f"fault told elsewhere: line {line}, not {said}"
    )


def _is_changed(name: str, text: str) -> bool:
    """True if the engine is given another text, but for what its parser wants at the ends of lines: `:= true`, `;`."""
    given = in_parser_forms(Module(SourceLocation(name), text, 1)).text
    return _AT_END.sub("", given) != _AT_END.sub("", text)


def _answers(modules: dict[str, str], inputs: list[Json]) -> list[bytes | None] | str:
    """Return the value for each input, nothing where there is none; or the codes of a refusal."""
    try:
        evaluator = bound(definition(modules, "data.p"), rego=INDEXED)
    except ManifestError as error:
        return ", ".join(
            sorted(f"{found.code} {found.source}:{found.line}:{found.column}" for found in error.diagnostics)
        )
    answers: list[bytes | None] = []
    for given in inputs:
        try:
            answers.append(canonical(evaluator.evaluate(PolicyInput(given, canonical(given))).value))  # type: ignore[arg-type]
        except EvaluationError:
            answers.append(None)
    return answers


def main() -> int:
    """Compare until so many were evaluated in both forms; print the counts, and each policy that must not be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    for seed in count(options.seed):
        policy = two_forms(seed)
        outcome = compare_forms(policy)
        outcomes[outcome.partition(":")[0]] += 1
        if outcome not in {"equal", "both refused"}:
            print(f"--- seed {seed}: {outcome}\n{policy.imported['p.rego']}", flush=True)
        if outcomes["equal"] + outcomes["different"] >= options.modules:
            break
    print(f"{outcomes.total()} policies from seed {options.seed}: {dict(outcomes.most_common())}")
    return 1 if outcomes.keys() - {"equal", "both refused"} else 0


if __name__ == "__main__":
    sys.exit(main())
