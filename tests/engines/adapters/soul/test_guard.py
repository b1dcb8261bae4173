"""The guard: tool calls that name a governance file (section 11.7)."""

import json
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.soul.files import GUARDED_FILES
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.adapters.soul.policies import TOOL_CALL, compiled, decide
from tests.engines.adapters.soul.vectors import FOLDER

VECTORS: list[dict[str, Any]] = json.loads((FOLDER / "guard.json").read_text())
DENIED, SILENT = "deny:soul_governance_write", "allow:not_applicable"
GUARD = compiled(points=[TOOL_CALL])


def call(arguments: Json, tool: Json = "write_file", **members: Json) -> Json:
    """The snapshot of a tool call."""
    return {"tool_call": {"name": tool, "args": arguments, **members}}


def test_the_vectors_are_all_there() -> None:
    """23 arguments, of which 17 name a governance file."""
    assert [sum(each["decision"] == word for each in VECTORS) for word in ("deny", "allow")] == [17, 6]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: json.dumps(vector["args"]))
def test_a_vector(vector: dict[str, Any]) -> None:
    """The guard denies what the vector denies."""
    assert decide(GUARD, call(vector["args"])) == (DENIED if vector["decision"] == "deny" else SILENT)


@pytest.mark.parametrize("name", GUARDED_FILES)
def test_every_guarded_name(name: str) -> None:
    """Each name is found, also in capitals, in a deeper folder and behind a step up."""
    for path in (name, name.upper(), f"a/b/{name}", f"x/../{name}", f"{name}/", f"{name}/x/.."):
        assert decide(GUARD, call({"path": path})) == DENIED, path


@pytest.mark.parametrize(
    "arguments",
    [
        {"a": {"b": [[{"c": "SOUL.md"}]]}},
        {"a": {"SOUL.md": 1}},
        "SOUL.md",
        ["x", "SOUL.md"],
        {"content": {"path": "SOUL.md"}},
        {"path": "\\\\server\\share\\SOUL.md"},
        {"path": "C:SOUL.md"},
        {"path": "SOUL.md .. "},
        {"path": "%53%4f%55%4c%2emd"},
        {"path": "%2553OUL.md"},
        {"path": "SO%00UL.md"},
        {"path": "SO%0AUL.md"},
        {"path": "SO\0UL.md"},
        {"path": "S\u202eOUL.md"},
        {"path": "\u017fOUL.md"},
        {"command": "dd of=SOUL.md"},
        {"command": "echo x>SOUL.md;true"},
        {"command": "tee `echo SOUL.md`"},
        {"command": "cp x 'SOUL'.md"},
        {"command": "cp x S\\OUL.md"},
        {"command": "cp x {a,b,{c,SOUL}}.md"},
        {"command": "cp x S{OUL,x}.md"},
        {"command": "rm S[O]UL.md"},
        {"command": "rm SOUL.*"},
        {"command": "rm .g*/copilot-instructions.md"},
        {"command": "rm *oul*"},
        {"command": "rm CLAUDE.md\u2028"},
        {"path": "SOUL.md:stream:$DATA"},
        {"path": "house/rules.md"},
    ],
    ids=json.dumps,
)
def test_other_spellings(arguments: Json) -> None:
    """However a name is written, it is the same file."""
    assert decide(compiled(points=[TOOL_CALL], guard=["house/rules.md"]), call(arguments)) == DENIED


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        None,
        {"text": "SOUL.md", "new_string": "SOUL.md", "content": ["SOUL.md"]},
        {"path": "rules.md"},
        {"path": "SOUL.md/x"},
        {"path": "SOUL.markdown"},
        {"path": "soul"},
        {"command": "ls *"},
        {"command": "ls ????.md"},
        {"path": "xSOUL.md"},
        {"path": "SOUL.md/.."},
        {"n": 7, "b": True},
    ],
    ids=json.dumps,
)
def test_what_names_no_governance_file(arguments: Json) -> None:
    """The guard says nothing about it."""
    assert decide(compiled(points=[TOOL_CALL], guard=["house/rules.md"]), call(arguments)) == SILENT


def test_tools_that_read_may_name_it() -> None:
    """Names and prefixes; what is not a name is not known to read."""
    policies = compiled(points=[TOOL_CALL], read_tools=["read_file", "search_*"])
    arguments: Json = {"path": "SOUL.md"}
    for tool in ("read_file", "search_", "search_text"):
        assert decide(policies, call(arguments, tool)) == SILENT
    others: list[Json] = ["read_files", "Read_file", "search", "", None, ["read_file"]]
    for other in others:
        assert decide(policies, call(arguments, other)) == DENIED
    assert decide(policies, {"tool_call": {"args": arguments}}) == DENIED


def test_resolved_paths_are_looked_at() -> None:
    """A link that leads to a governance file is one."""
    assert decide(GUARD, call({"path": "link"}, resolved_paths=["/work/SOUL.md"])) == DENIED
    assert decide(GUARD, call({"path": "link"}, resolved_paths={"link": "/work/a.md"})) == SILENT


def test_a_call_without_arguments_fails() -> None:
    """Where the arguments are not, nothing is known of them."""
    with pytest.raises(EvaluationError) as caught:
        decide(GUARD, {"tool_call": {"name": "write_file"}})
    assert caught.value.reason is Reason.PATH_MISSING


def test_members_that_hold_commands() -> None:
    """`content_members: []` looks at every text."""
    policies = compiled(points=[TOOL_CALL], content_members=[])
    assert decide(policies, call({"content": "rm SOUL.md"})) == DENIED
    assert decide(GUARD, call({"content": "rm SOUL.md"})) == SILENT


def test_the_policys_own_file_and_names_with_spaces() -> None:
    """The file of the policy is guarded under its name, and so is a name with a space."""
    files = {"gov/contract.md": b"x"}
    policies = compiled(None, [TOOL_CALL], files, file="gov/contract.md", guard=["house rules.md"])
    for path in ("gov/contract.md", "/srv/gov/contract.md", "house rules.md", "a/House%20Rules.md"):
        assert decide(policies, call({"path": path})) == DENIED
    assert decide(policies, call({"path": "contract.md"})) == SILENT


@pytest.mark.parametrize(
    "arguments",
    [
        {"command": " ".join(f"a*{letter}*d" for letter in "abcdefghijklmnopqrstuvwxyz0123456789")},
        {"command": " ".join(f"x{number}/../y" for number in range(5_000))},
        {"command": " ".join(f"x{{a{number},b}}" for number in range(2_000))},
    ],
    ids=["patterns", "steps up", "braces"],
)
def test_more_names_than_are_looked_at(arguments: Json) -> None:
    """A call with too many is denied as if it named one."""
    assert decide(GUARD, call(arguments)) == DENIED


@given(
    st.sampled_from(GUARDED_FILES),
    st.text(alphabet="ab/ ;|&<>=(),\"'`", max_size=12),
    st.sampled_from(["", ".", "./", "../", "a/", "%2e/", "\\"]),
)
def test_a_name_is_found_in_any_surroundings(name: str, before: str, prefix: str) -> None:
    """What stands before a separator never hides a name."""
    command = f"{before} {prefix.replace('.', './') if prefix == '.' else prefix}{name} {before}"
    assert decide(GUARD, call({"command": command})) == DENIED


def _many(make: Callable[[Random], str]) -> str:
    random = Random(7)  # noqa: S311  # texts from a seed
    parts: list[str] = []
    while sum(map(len, parts[-1:])) + len(parts) * 3 < 300_000:
        parts.append(make(random))
    return "".join(parts)


HOSTILE = {
    "plain": "a " * 500_000,
    "quotes": '"a" ' * 250_000,
    "a name inside": "SOUL.md/a " * 100_000,
    "one path": "SOUL.md/" * 130_000 + "x",
    "steps up": "a/../" * 200_000,
    "escapes": "%2541" * 200_000,
    "stars": "*" * 1_000_000,
    "classes": "[a" * 500_000,
    "braces": "{a," * 300_000,
    "expansions": ("x{" + "a" * 60_000 + "," + "b" * 60_000 + "}y{c,d}{e,f}{g,h}") * 8,
    "ligatures": "\ufdfa" * 330_000,
    "marks": "a\u0301\u0327" * 200_000,
    "json": _many(lambda random: json.dumps({"a": random.randrange(9999), "b": "x"})),
    "patterns": _many(lambda random: f"a*{random.randrange(999_999)} "),
    "scripts": _many(lambda random: chr(random.randrange(0x400, 0xD000))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_large_call_is_bounded(name: str) -> None:
    """A mebibyte of the worst text takes a fraction of a second; the bound here is for any machine."""
    begun = time.process_time()
    assert decide(GUARD, call({"command": HOSTILE[name]})) in {DENIED, SILENT}
    assert time.process_time() - begun < 20
