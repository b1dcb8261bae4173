"""Custom evaluators: found by name, loud when they do not load, and fenced (sections 1.7, 2.5)."""

import re
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.engines.adapters.custom import OWN_ADAPTERS, AdapterError, custom_type, load_adapters
from acs_sidecar.engines.compilation import compile_policies
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import (
    Adapter,
    CompileRequest,
    Evaluator,
    NoSources,
    PointBinding,
    PolicyInput,
    PolicyOutput,
)
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import JsonObject
from tests.engines.sources import MemorySources
from tests.sandbox.sandboxes import install, job, policy_input

DOCUMENT = Path(__file__).parents[3] / "docs" / "custom-evaluators.md"


class _Adapter:
    def __init__(self, name: str, *, inline_safe: bool, act: Callable[[str], object] = str) -> None:
        self.name = name
        self.inline_safe = inline_safe
        self.act = act
        self.members: MemberTable = {"level": Member("A number.")}
        self.statement = PolicyStatement()

    def compile(self, request: CompileRequest) -> "_Adapter":
        self.act("compile")
        return self

    def bind(self, binding: PointBinding) -> Evaluator:
        self.act("bind")
        return self

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        return PolicyOutput(self.name)


SAFE = _Adapter("safe", inline_safe=True)
UNSAFE = _Adapter("unsafe", inline_safe=False)
KNOWN: Mapping[str, Adapter] = {"safe": SAFE, "unsafe": UNSAFE}


def _compile(
    adapters: Mapping[str, Adapter], adapter: object, allowed: frozenset[str] | None = None
) -> object:
    definition: JsonObject = {"type": "custom", "adapter": adapter}  # type: ignore[dict-item]  # wrong on purpose
    types = {"custom": custom_type(adapters, allowed)}
    compiled = compile_policies([job(definition)], types, MemorySources({}))
    return compiled.evaluators[InterventionPoint.OUTPUT].evaluate(policy_input()).value


def _findings(
    adapters: Mapping[str, Adapter], adapter: object, allowed: frozenset[str] | None = None
) -> list[str]:
    with pytest.raises(ManifestError) as raised:
        _compile(adapters, adapter, allowed)
    return [str(finding) for finding in raised.value.diagnostics]


def test_an_adapter_is_found_by_its_name() -> None:
    """`adapter` chooses among all that are known; an operator's manifest reaches each (1.7)."""
    assert [_compile(KNOWN, "safe"), _compile(KNOWN, "unsafe")] == ["safe", "unsafe"]


def test_an_unknown_adapter_makes_the_manifest_invalid() -> None:
    """The finding lists the known names (1.7)."""
    assert _findings(KNOWN, "other") == [
        "policies.main.adapter: `other` is unknown; must be one of `safe`, `unsafe`"
    ]
    assert _findings({}, "other") == ["policies.main.adapter: `other` is unknown; must be one of none"]


@pytest.mark.parametrize("adapter", [None, "", " ", 1, ["safe"]])
def test_a_missing_adapter_makes_the_manifest_invalid(adapter: object) -> None:
    """`adapter` must be a name (1.7)."""
    assert _findings(KNOWN, adapter) == ["policies.main.adapter: must be an adapter: `safe`, `unsafe`"]


def test_an_undeclared_member_never_reaches_an_adapter() -> None:
    """Whatever an adapter does not declare is refused before it is called (1.7)."""
    definition: JsonObject = {"type": "custom", "adapter": "safe", "level": 1, "levle": 2}
    with pytest.raises(ManifestError) as raised:
        custom_type(KNOWN).compile(CompileRequest("policies.main", definition, MemorySources({})))
    assert [str(finding) for finding in raised.value.diagnostics] == [
        "policies.main.levle: unknown member, did you mean `level`?; must be one of `adapter`, `level`, `type`"
    ]


def test_an_inline_manifest_reaches_what_is_safe_and_listed() -> None:
    """An adapter of others that the operator does not list does not exist for it, nor is it named (1.7)."""
    why = "is not one that manifests in requests may use; must be one of"
    assert _compile(KNOWN, "safe", frozenset({"safe"})) == "safe"
    assert _findings(KNOWN, "unsafe", frozenset({"safe"})) == [
        f"policies.main.adapter: `unsafe` {why} `safe`"
    ]
    assert _findings(KNOWN, "safe", frozenset()) == [f"policies.main.adapter: `safe` {why} none"]


def test_an_inline_manifest_reaches_the_built_in_adapters_that_are_safe() -> None:
    """Nobody needs to list them; the one that reads files is not among them (1.7)."""
    adapters = load_adapters()
    safe = {name for name in OWN_ADAPTERS if adapters[name].inline_safe}
    assert safe == OWN_ADAPTERS - {"workspace_policy"}
    listed = ", ".join(f"`{name}`" for name in sorted(safe))
    assert _findings(adapters, "workspace_policy", frozenset()) == [
        "policies.main.adapter: `workspace_policy` is not one that manifests in requests may use; "
        f"must be one of {listed}"
    ]
    definition: JsonObject = {
        "type": "custom",
        "adapter": "agt_rules",
        "document": {"name": "d", "rules": []},
    }
    assert custom_type(adapters, frozenset()).compile(CompileRequest("policies.p", definition, NoSources()))


def test_an_operator_cannot_list_what_is_unsafe_or_unknown() -> None:
    """The list is checked when the service starts (1.7)."""
    with pytest.raises(AdapterError) as unsafe:
        custom_type(KNOWN, frozenset({"unsafe"}))
    assert str(unsafe.value) == "adapter `unsafe` does not declare itself safe for inline manifests"
    with pytest.raises(AdapterError) as unknown:
        custom_type(KNOWN, frozenset({"other"}))
    assert str(unknown.value) == "adapter `other` is unknown; must be one of `safe`, `unsafe`"


@pytest.mark.parametrize(
    ("stage", "path"), [("compile", "policies.main"), ("bind", "intervention_points.output.policy")]
)
@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("bad"), Reason.MANIFEST_INVALID), (MemoryError("bad"), Reason.RESOURCE_LIMIT_EXCEEDED)],
)
def test_a_fault_of_an_adapter_is_a_finding(stage: str, path: str, error: Exception, reason: Reason) -> None:
    """Whatever somebody else's code raises while it compiles, the manifest is invalid (1.7)."""

    def fail(at: str) -> None:
        if at == stage:
            raise error

    faulty = {"faulty": _Adapter("faulty", inline_safe=True, act=fail)}
    with pytest.raises(ManifestError) as raised:
        _compile(faulty, "faulty")
    assert raised.value.reason == reason
    assert [str(finding) for finding in raised.value.diagnostics] == [
        f"{path}: adapter `faulty` failed: {type(error).__name__}: bad"
    ]


def test_a_finding_of_an_adapter_passes_as_it_is() -> None:
    """A `ManifestError` of the adapter's own keeps its diagnostics."""

    def refuse(at: str) -> None:
        raise ManifestError([Diagnostic("own-code", f"own message at {at}", "policies.main.own")])

    assert _findings({"faulty": _Adapter("faulty", inline_safe=True, act=refuse)}, "faulty") == [
        "policies.main.own: own message at compile"
    ]


def test_installed_adapters_are_loaded() -> None:
    """The adapter that comes with the service is found as any other distribution's is (1.7)."""
    adapters = load_adapters()
    assert "rate_card" in adapters
    assert adapters["rate_card"].inline_safe


def test_an_adapter_of_the_service_is_loaded_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start waits for no adapter that its manifests do not name; each is loaded once."""
    loaded: list[str] = []
    load = EntryPoint.load

    def noted(entry: EntryPoint) -> Any:
        loaded.append(entry.name)
        return load(entry)

    monkeypatch.setattr(EntryPoint, "load", noted)
    adapters = load_adapters()
    assert {"rate_card", "soul"} <= set(adapters) and not loaded
    assert adapters["rate_card"] is adapters["rate_card"]
    assert "no such" not in adapters
    assert loaded == ["rate_card"]


def test_only_what_is_asked_for_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that is not asked for is not even imported."""
    install(tmp_path, monkeypatch, "broken", {"broken": "no_such_module:ADAPTER"})
    assert list(load_adapters({"rate_card"})) == ["rate_card"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "no_such_module:ADAPTER",
            "adapter `own` of `given` 1.0 (`no_such_module:ADAPTER`) does not load: "
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "own_adapter:NONE",
            "adapter `own` of `given` 1.0 (`own_adapter:NONE`) does not load: "
            "AttributeError: module 'own_adapter' has no attribute 'NONE'",
        ),
        (
            "own_adapter:NUMBER",
            "adapter `own` of `given` 1.0 (`own_adapter:NUMBER`) is not an adapter: "
            "it must have `name`, `inline_safe` and `compile`",
        ),
        (
            "own_adapter:LOOSE",
            "adapter `own` of `given` 1.0 (`own_adapter:LOOSE`) declares no `members`: "
            "map the name of each one to a `Member`",
        ),
        (
            "own_adapter:Own",
            "adapter `own` of `given` 1.0 (`own_adapter:Own`) is a class: the entry point must name an instance",
        ),
        (
            "own_adapter:OTHER",
            "adapter `own` of `given` 1.0 (`own_adapter:OTHER`) has the name `other`: "
            "name and entry point must agree",
        ),
    ],
)
def test_an_adapter_that_does_not_load_is_loud(
    reference: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the adapter, its distribution and its place (1.7)."""
    (tmp_path / "own_adapter.py").write_text(
        "class Own:\n"
        "    name = 'other'\n"
        "    inline_safe = True\n"
        "    members = {}\n"
        "    def compile(self, request): ...\n"
        "OTHER = Own()\n"
        "LOOSE = Own()\n"
        "LOOSE.members = {'level': 'a number'}\n"
        "NUMBER = 1\n"
    )
    install(tmp_path, monkeypatch, "given", {"own": reference})
    try:
        with pytest.raises(AdapterError) as raised:
            load_adapters()
    finally:
        sys.modules.pop("own_adapter", None)
    assert str(raised.value) == message


def test_two_distributions_cannot_give_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one would be used must not depend on the order of installation (1.7)."""
    install(tmp_path, monkeypatch, "second", {"rate_card": "acs_sidecar.engines.adapters.rate_card:adapter"})
    with pytest.raises(AdapterError, match=r"adapter `rate_card` comes from both .* and .*: uninstall one"):
        load_adapters()


def test_the_documented_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter in the document, installed as the document says, decides as the document says."""
    text = DOCUMENT.read_text(encoding="utf-8")
    (module,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (entry,) = re.findall(
        r'```toml\n\[project\.entry-points\."acs_sidecar\.evaluators"\]\n(\w+) = "(.*?)"\n', text
    )
    name, reference = entry
    (tmp_path / f"{reference.partition(':')[0]}.py").write_text(module)
    install(tmp_path, monkeypatch, "documented", {name: reference})
    try:
        adapters = load_adapters({name})
    finally:
        sys.modules.pop(reference.partition(":")[0], None)
    definition: JsonObject = {"type": "custom", "adapter": name, "hosts": ["docs.example.com"]}
    types = {"custom": custom_type(adapters, frozenset({name}))}
    compiled = compile_policies([job(definition)], types, MemorySources({}))
    evaluator = compiled.evaluators[InterventionPoint.OUTPUT]
    verdicts = [
        evaluator.evaluate(policy_input({"url": url})).value
        for url in (
            "https://docs.example.com/a",
            "https://evil.example/",
            "https://docs.example.com@evil.example",
        )
    ]
    assert verdicts == [
        {"decision": "allow"},
        {"decision": "deny", "reason": "host_not_listed"},
        {"decision": "deny", "reason": "host_not_listed"},
    ]
    with pytest.raises(ManifestError) as raised:
        custom_type(adapters).compile(
            CompileRequest("policies.main", {**definition, "hosts": "all"}, MemorySources({}))
        )
    assert [str(finding) for finding in raised.value.diagnostics] == [
        "policies.main.hosts: must be a list of host names"
    ]
