"""The members of a Cedar policy and the files that they name (sections 1.7, 1.3)."""

from typing import Any

import orjson
import pytest

from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.engines.compilation import Binding, compile_policies, policy_jobs
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompileRequest, ManifestFacts, NoSources
from acs_sidecar.spec.values import Json
from tests.engines.cedar import PERMIT_ALL, bind, compile_cedar, findings, output
from tests.engines.sources import MemorySources

MAIN = "policies.main"
ALLOW = {"decision": "allow"}
ENTITY: dict[str, Any] = {"uid": {"type": "Agent", "id": "a-1"}, "attrs": {"level": 3}, "parents": []}
LEVEL = "permit(principal, action, resource) when { principal.level == 3 };"
SCHEMA = (
    "entity Agent; entity PolicyTarget; action output appliesTo {principal: Agent, resource: PolicyTarget};"
)


@pytest.mark.parametrize(
    ("members", "files", "expected"),
    [
        ({"policy_set": None}, {}, f"{MAIN}.policy_set: must be a string"),
        ({"policy_set": " \n"}, {}, f"{MAIN}: must have exactly one of `policy_set` and `policy_path`"),
        ({"policy_path": ""}, {}, f"{MAIN}: must have exactly one of `policy_set` and `policy_path`"),
        ({"policy_path": "p.cedar", "policy_set": PERMIT_ALL}, {"p.cedar": b""}, f"{MAIN}: must have exactly one of `policy_set` and `policy_path`"),
        ({"policy_path": 1}, {}, f"{MAIN}.policy_path: must be a string"),
        ({"policy_path": "gone"}, {}, f"{MAIN}.policy_path: `gone` does not exist in the manifest's directory"),
        ({"policy_path": "../p"}, {}, f"{MAIN}.policy_path: `../p` is outside the manifest's directory"),
        ({"policy_path": "p"}, {"p/a.txt": b"x"}, f"{MAIN}.policy_path: `p` holds no `.cedar` file"),
        ({"policy_path": "p.cedar"}, {"p.cedar": b"\xff"}, f"p.cedar: {MAIN}.policy_path: is not UTF-8"),
        ({"policy_path": "p"}, {"p/a.cedar": b"\xff"}, f"p/a.cedar: {MAIN}.policy_path: is not UTF-8"),
        ({"rules": PERMIT_ALL}, {}, f"{MAIN}.rules: unknown member; must be one of `config`, `entities`, `entities_path`, `library`, `policy_path`, `policy_set`, `query`, `schema`, `schema_path`, `template_links`, `type`"),
        ({"entities": {}}, {}, f"{MAIN}.entities: must be a list of entities"),
        ({"entities": [], "entities_path": "e.json"}, {"e.json": b"[]"}, f"{MAIN}: `entities` and `entities_path` cannot be combined"),
        ({"entities": [{"uid": 1, "attrs": {}, "parents": []}]}, {}, f"{MAIN}.entities[0]: entity 0 is invalid: error during entity deserialization"),
        ({"template_links": {}}, {}, f"{MAIN}.template_links: must be a list of links, or the path of a JSON file of them"),
        ({"template_links": " "}, {}, f"{MAIN}.template_links: must be a file path"),
        ({"template_links": "gone"}, {}, f"{MAIN}.template_links: `gone` does not exist in the manifest's directory"),
        ({"template_links": "l.json"}, {"l.json": b"{}"}, f"l.json: {MAIN}.template_links: must be a list of links, or the path of a JSON file of them"),
        ({"template_links": "l.json"}, {"l.json": b"[\n1,?]"}, f"l.json:2:3: {MAIN}.template_links: is not JSON: expecting value"),
        ({"template_links": "l.json"}, {"l.json": b'[{"a": 1, "a": 2}]'}, f"l.json: {MAIN}.template_links: is not JSON: an object has a duplicate member"),
        ({"entities_path": " "}, {}, f"{MAIN}.entities_path: must be a file path"),
        ({"entities_path": ["e"]}, {}, f"{MAIN}.entities_path: must be a file path"),
        ({"entities_path": "gone"}, {}, f"{MAIN}.entities_path: `gone` does not exist in the manifest's directory"),
        ({"entities_path": "e.json"}, {"e.json": b"{}"}, f"e.json: {MAIN}.entities_path: must be a list of entities"),
        ({"entities_path": "e.json"}, {"e.json": b"[\n1,?]"}, f"e.json:2:3: {MAIN}.entities_path: is not JSON: expecting value"),
        ({"entities_path": "e.json"}, {"e.json": b'[{"a": 1, "a": 2}]'}, f"e.json: {MAIN}.entities_path: is not JSON: an object has a duplicate member"),
        ({"entities_path": "e.json"}, {"e.json": b"[NaN]"}, f"e.json: {MAIN}.entities_path: is not JSON: `NaN` is not a JSON number"),
        ({"entities_path": "e.json"}, {"e.json": b"\xff"}, f"e.json: {MAIN}.entities_path: is not UTF-8"),
        ({"schema": SCHEMA, "schema_path": "s"}, {"s": b""}, f"{MAIN}: `schema` and `schema_path` cannot be combined"),
        ({"schema": None}, {}, f"{MAIN}.schema: must be a string, or an object in Cedar's JSON form"),
        ({"schema_path": 1}, {}, f"{MAIN}.schema_path: must be a file path"),
        ({"schema_path": "s"}, {"s": b"entity A"}, f"s:1:9: {MAIN}.schema_path: expected `;`, found the end"),
        ({"schema_path": "s"}, {"s": b"{]"}, f"s:1:2: {MAIN}.schema_path: is not JSON: expecting property name enclosed in double quotes"),
        ({"query": "data.x"}, {}, f"{MAIN}.query: must be an object"),
        ({"query": {"principal": 1}}, {}, f'{MAIN}.query.principal: must be `Type::"id"`, a path, or an object `{{type, id}}`'),
    ],
)  # fmt: skip
def test_wrong_members(members: dict[str, Any], files: dict[str, bytes], expected: str) -> None:
    """A member that is wrong is named, and what is allowed is told."""
    assert findings(files=files, **members) == [expected]


def test_a_suffix_in_capitals() -> None:
    """A file that looks like a policy is not left out in silence: it may be one that forbids."""
    files = {"p/a.cedar": LEVEL.encode(), "p/Forbid.CEDAR": b"forbid(principal, action, resource);"}
    message = f"{MAIN}.policy_path: `Forbid.CEDAR` would be left out: name it `*.cedar`"
    assert findings(files=files, policy_path="p") == [message]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("18446744073709551616", "`18446744073709551616` does not fit 64 bits"),
        ("1" * 5_000, "an integer does not fit 64 bits"),
        ("1e999", "a number is not finite"),
        ('"\\ud800"', "a string holds a lone surrogate"),
        ('{"\\udfff": 1}', "a string holds a lone surrogate"),
        ('{"a": 1, "a": 2}', "an object has a duplicate member"),
    ],
)
@pytest.mark.parametrize("member", ["entities_path", "schema_path", "template_links"])
def test_json_that_the_engine_cannot_hold(member: str, text: str, problem: str) -> None:
    """Numbers and strings that no JSON of the engine can hold are refused where they are read."""
    written = f'{{"x": {text}}}' if member == "schema_path" else f"[{text}]"
    expected = f"f: {MAIN}.{member}: is not JSON: {problem}"
    assert findings(files={"f": written.encode()}, **{member: "f"}) == [expected]


@pytest.mark.parametrize(
    ("members", "files"),
    [
        ({"policy_set": LEVEL, "entities": [ENTITY]}, {}),
        ({"policy_path": "p.cedar", "entities_path": "e.json"}, {"p.cedar": LEVEL.encode()}),
        ({"policy_path": "main.txt", "entities_path": "e.json"}, {"main.txt": LEVEL.encode()}),
        ({"policy_path": "p", "entities_path": "e.json"}, {"p/deep/a.cedar": LEVEL.encode()}),
        ({"policy_path": "p/", "entities_path": "e.json"}, {"p/a.cedar": LEVEL.encode(), "p/b.txt": b";"}),
    ],
)
def test_sources(members: dict[str, Any], files: dict[str, bytes]) -> None:
    """Policies and entities come from the definition, or from files."""
    policy = compile_cedar(files={"e.json": orjson.dumps([ENTITY]), **files}, **members)
    assert output(bind(policy)) == ALLOW


def test_no_files_for_inline_manifests() -> None:
    """Where no file may be named, every path is refused, and what is inline works."""
    whole: dict[str, Json] = {"type": "cedar", "policy_set": PERMIT_ALL, "schema": SCHEMA, "entities": []}
    CEDAR.compile(CompileRequest(MAIN, whole, NoSources()))
    for member in ("policy_path", "entities_path", "schema_path", "template_links"):
        given = {"policy_set": PERMIT_ALL, member: "x"} if member != "policy_path" else {member: "x"}
        with pytest.raises(
            ManifestError, match="`x` cannot be read: this manifest is not allowed to read files"
        ):
            CEDAR.compile(CompileRequest(MAIN, {"type": "cedar", **given}, NoSources()))


def test_one_compile_for_several_points() -> None:
    """Points that differ only in the request share one compile; another overlay is another compile."""
    policies = {"main": {"type": "cedar", "policy_set": LEVEL}}
    bindings = [
        Binding(InterventionPoint.INPUT, "main", {"principal": 'Agent::"x"'}, None, projects_tool=False),
        Binding(InterventionPoint.OUTPUT, "main", {"query": {"context": {}}}, None, projects_tool=False),
        Binding(InterventionPoint.PRE_TOOL_CALL, "main", {"entities": [ENTITY]}, None, projects_tool=True),
    ]
    jobs = policy_jobs(policies, bindings, {"cedar": CEDAR}, ManifestFacts())
    assert [[binding.point for binding in job.bindings] for job in jobs] == [
        [InterventionPoint.INPUT, InterventionPoint.OUTPUT],
        [InterventionPoint.PRE_TOOL_CALL],
    ]
    compiled = compile_policies(jobs, {"cedar": CEDAR}, MemorySources({}))
    assert len(compiled.evaluators) == 3


def test_digest_covers_every_file() -> None:
    """The policy's digest changes with each file that it reads."""
    files = {"p/a.cedar": b"", "p/b.cedar": LEVEL.encode(), "e.json": b"[]", "s": SCHEMA.encode(), "l": b"[]"}
    policy = {"type": "cedar", "policy_path": "p", "entities_path": "e.json", "schema_path": "s"}
    policy["template_links"] = "l"
    point = InterventionPoint.OUTPUT

    def digest(files: dict[str, bytes]) -> str:
        bindings = [Binding(point, "main", {}, None, projects_tool=False)]
        jobs = policy_jobs({"main": policy}, bindings, {"cedar": CEDAR}, ManifestFacts())
        return compile_policies(jobs, {"cedar": CEDAR}, MemorySources(files)).digests[point]

    files["p/b.cedar"] = PERMIT_ALL.encode()
    changed = [{**files, name: content + b" "} for name, content in files.items()]
    assert len({digest(files), *map(digest, changed)}) == 6
    assert digest(files) == digest(dict(files))
