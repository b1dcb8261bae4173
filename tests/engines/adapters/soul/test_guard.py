"""The guard: tool calls that name a governance file (section 11.7)."""

import json
import os
import sys
import time
from collections.abc import Callable
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.soul.files import GUARDED_FILES
from acs_sidecar.engines.adapters.soul.guard.names import GuardedNames
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
        {"path": ".github:a/copilot-instructions.md:b"},
        {"command": "scp host:.github/copilot-instructions.md x"},
        {"command": "scp host:SOUL.md/ x"},
        {"command": "PATHS=a:SOUL.md/b/..:c"},
        {"path": "house/rules.md"},
        {"path": "SOUL.md\0.txt"},
        {"path": "SOUL.md%00.txt"},
        {"path": "SOUL.md%2500.txt"},
        {"command": "rm S[[:upper:]]UL.md"},
        {"command": "rm S[O,]UL.md"},
        {"command": "rm S[!s]UL.md"},
        {"command": "rm .[.c]ursorrules"},
        {"command": "rm [!s]OUL.md"},
        {"command": "rm [Z-a]gents.md"},
        {"command": "rm SOU{L..L}.md"},
        {"command": "rm SOU{A..Z}.md"},
        {"command": "touch {SOUL.md,x}"},
        {"command": "touch {x,SOUL.md}"},
        {"command": "touch {a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,SOUL}.md"},
        {"command": "touch S{O{U,V},W}L.md"},
        {"command": "touch SOUL{" + ",x" * 400 + "}{,.}{md,txt}"},
        {"command": "touch SOUL.m{d,x}."},
        {"command": "touch {S*,x}.md"},
        {"command": "touch {.github,x}/copilot-instructions.md"},
        {"command": "touch {a,b}/../SOUL.md"},
        {"command": "touch SOUL.md/{a,b}/.."},
        {"command": "touch S[O]{U,V}?.md"},
        {"command": "curl -oSOUL.md http://localhost/x"},
        {"command": "curl -fsSLoSOUL.md http://localhost/x"},
        {"command": "sort -oSOUL.* x"},
        {"command": "cc /out:SOUL.md"},
        {"command": "del S^OUL.md"},
        {"command": "printf x > $'\\x53OUL.md'"},
        {"command": "tee $'\\123OUL.md'"},
        {"url": "http://localhost/run?command=rm%20SOUL.md"},
        {"url": "http://localhost/run?command=true%3Btee%3ESOUL.md"},
        '{"path": "S\\u004fUL.md"}',
        '{"path": "SOUL.\\u006dd"}',
        '{"path": "CLA\\u0055DE.md"}',
        {"command": "echo x > SO\\\nUL.md"},
        {"command": "echo x > SO^\r\nUL.md"},
        {"command": "Set-Content SO`\r\nUL.md x"},
        {"command": "tee $'SOUL.\\u006dd'"},
        {"command": "tee $'\\U00000053OUL.md'"},
        {"command": "tee $'\\u53OUL.md'"},
        {"command": "perl -e 'unlink \"SO\\x{55}L.md\"'"},
        {"command": "node -e 'rm(\"SO\\u{000055}L.md\")'"},
        {"command": "tee SOUL$'.md'"},
        {"command": 'tee SOUL.m$"d"'},
        {"command": "tee {$'SOUL',x}.md"},
        '{"command": "rm SOUL.md\\nls"}',
        '{"command": "rm SOUL.md\\t"}',
        '{"command": "cd x\\nrm \\"SO\\"UL.md\\nls"}',
        {"command": "tee${IFS}SOUL.md"},
        {"command": "echo x > ${x:-SOUL.md}"},
        {"command": "echo x > ${x=notes/SOUL.md}"},
        {"uri": "file:///repo/SOUL.md#L1"},
        {"uri": "file:///repo/SOUL.md?x=1"},
        {"url": "http://localhost/run?command=true%0aSOUL.md"},
        {"url": "http://localhost/run?command=rm%20SOUL.md%0als"},
        {"path": "SOUL.md/b:y/..:x"},
        {"path": "house:a/rules.md:b:$DATA"},
        {"command": "rm ${files:-src SOUL.md}"},
        {"command": "rm ${files[0]:-SOUL.md} ${@:-x}"},
        {"command": "rm ${@:-SOUL.md}"},
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
        {"command": "ls *[.]md"},
        {"path": "xSOUL.md"},
        {"path": "SOUL.md/.."},
        {"n": 7, "b": True},
        {"command": "ls {*.md,*.txt} {src,docs}/**/*.md"},
        {"command": "mkdir -p a/{b,c}/{d,e} {a,b}c*.md x{1,2}?.md"},
        {"command": "tool -my-soul.md -x*"},
        {"command": "tee ${x:-notes}.md $'a\\tb' $HOME/\"soul\".txt \\\n y"},
        {"uri": "https://localhost/soul?format=md#SOUL"},
        {"command": "ls [[:alpha:]]*.md {a..z}.md"},
        {"command": "python -c 'x = {1: 2, 3: {4, 5}}; f(){a,b}.md'"},
        {"command": " ".join(f"mkdir -p pkg{number}/{{src,tests}}" for number in range(1_000))},
        {"command": " ".join(f"x{number}/../y" for number in range(5_000))},
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


def test_a_pattern_of_a_name_with_spaces() -> None:
    """A pattern that means it is found beside quotes and what may be an escape."""
    policies = compiled(points=[TOOL_CALL], guard=["a/b x.txt"])
    for path in ("a/b x.txt", "q\\a/b ['x'].txt"):
        assert decide(policies, call({"path": path})) == DENIED, path
    assert decide(policies, call({"path": "q\\a/b ['y'].txt"})) == SILENT


@pytest.mark.parametrize(
    "arguments",
    [
        {"command": " ".join(f"a*{number}*d" for number in range(5_000))},
        {"command": " ".join(f"{{a,{number}}}*d" for number in range(5_000))},
    ],
    ids=["patterns", "braces"],
)
def test_more_names_than_are_looked_at(arguments: Json) -> None:
    """A call with too many is denied as if it named one."""
    assert decide(GUARD, call(arguments)) == DENIED


@pytest.mark.parametrize(
    "command",
    [
        " ".join(f"x{number}/../SOUL.mdx" for number in range(5_000)),
        " ".join(f"x{{a{number},b}}" for number in range(5_000)),
    ],
    ids=["steps up", "braces"],
)
def test_many_names_are_looked_at(command: str) -> None:
    """What many names say is read to its end, and the last of them is found."""
    assert decide(GUARD, call({"command": command})) == SILENT
    assert decide(GUARD, call({"command": f"{command} S[O]UL.md"})) == DENIED


@given(
    st.sampled_from(GUARDED_FILES),
    st.text(alphabet="ab/ ;|&<>=(),\"'`", max_size=12),
    st.sampled_from(["", ".", "./", "../", "a/", "%2e/", "\\"]),
)
def test_a_name_is_found_in_any_surroundings(name: str, before: str, prefix: str) -> None:
    """What stands before a separator never hides a name."""
    command = f"{before} {prefix.replace('.', './') if prefix == '.' else prefix}{name} {before}"
    assert decide(GUARD, call({"command": command})) == DENIED


Maker = Callable[[Random], str]


def _word(random: Random, length: int) -> str:
    return "".join(random.choices("qvxz0123456789", k=length))


HOSTILE: dict[str, Maker] = {
    "plain": lambda _: "a ",
    "words": lambda random: _word(random, 3) + " ",
    "quotes": lambda random: f'"{_word(random, 2)}" ',
    "a name inside": lambda random: f"SOUL.md/{_word(random, 2)} ",
    "one path": lambda _: "SOUL.md/x/",
    "steps up": lambda _: "a/../",
    "steps up to a pattern": lambda random: f"{_word(random, 2)}/../s*{_word(random, 1)}*d ",
    "escapes": lambda random: f"%25{random.choice(['41', '53', '4f'])}",
    "escaped patterns": lambda random: f"s%2a{_word(random, 1)}*d ",
    "stars": lambda _: "*",
    "many stars": lambda random: f"s{'*o*u' * 60}{_word(random, 2)}*d ",
    "patterns": lambda random: f"a*{_word(random, 3)} ",
    "patterns that may match": lambda random: f"s*{_word(random, 2)}*d ",
    "open classes": lambda _: "[a",
    "classes": lambda random: f"s[{_word(random, 3)}]z*d ",
    "a long class": lambda random: f"s[{_word(random, 60)}]q*d ",
    "ranges": lambda random: f"s[{_word(random, 1)}-{_word(random, 1)}]*{_word(random, 1)}*d ",
    "named classes": lambda random: f"s[[:alpha:]]{_word(random, 2)}*d ",
    "classes with separators": lambda random: f"s[a,{_word(random, 1)}]*d ",
    "open braces": lambda _: "{a,",
    "braces": lambda random: f"s{{{_word(random, 2)},b}}{{c,d}}{{e,f}}{{g,h}} ",
    "many alternatives": lambda random: f"s{{{','.join(_word(random, 2) for _ in range(30))}}} ",
    "patterns in braces": lambda random: f"{{{','.join(_word(random, 1) for _ in range(50))}}}s*z*d ",
    "options": lambda random: f"-{_word(random, 2)}*d ",
    "escapes of shells": lambda random: f"\\x53\\u004f{_word(random, 1)} ",
    "encoded": lambda _: "%41",
    "every reading": lambda random: f"\\x53%41{{a..b}}/../[q,]'{_word(random, 1)}'\\n${{x:-%25}}$'q'`\n",
    "addresses": lambda _: "://?",
    "everything": lambda random: f"\\x53v%2a'{_word(random, 1)}'*z{{a,s}}:x -o ",
    "ligatures": lambda _: "\ufdfa",
    "marks": lambda _: "a\u0301\u0327",
    "scripts": lambda random: chr(random.randrange(0x400, 0xD000)),
    "scripts in patterns": lambda random: f"{chr(random.randrange(0x400, 0xD000))}*zd ",
    "json": lambda random: json.dumps({"a": random.randrange(9999), "b": "x"}),
}


def _text(name: str, size: int) -> str:
    """About `size` bytes of a hostile text."""
    random = Random(7)  # noqa: S311  # texts from a seed
    parts, length = list[str](), 0
    while length < size:
        parts.append(HOSTILE[name](random))
        length += len(parts[-1].encode())
    return "".join(parts)


def _work(text: str) -> int:
    """How many instructions of its own the guard executes; those of the library are linear in the text."""
    count = 0

    def traced(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal count
        if f"{os.sep}guard{os.sep}" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        NAMES.are_in(text)
    finally:
        sys.settrace(before)
    return count


NAMES = GuardedNames.of(GUARDED_FILES)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_work_grows_with_the_text(name: str) -> None:
    """A byte costs at most 64 instructions, whatever a text and those before it say, and no more in a longer one."""
    short, long = _text(name, 4_096), _text(name, 32_768)
    for text in (short, long):
        _work(text)  # so that its characters are known, and newer interpreters count what they have run once
    work = _work(short)
    assert work < 64 * 4_096
    assert _work(long) < 1.5 * 8 * (work + 1_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_large_call_is_bounded(name: str) -> None:
    """A mebibyte of the worst text takes a fraction of a second; the bound here is for any machine."""
    text = _text(name, 1 << 20)
    begun = time.process_time()
    assert decide(GUARD, call({"command": text})) in {DENIED, SILENT}
    assert time.process_time() - begun < 20
