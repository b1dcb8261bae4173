"""The playground: a manifest, a snapshot, and what would be decided; nothing is recorded (section 15.2).

A manifest that was pasted is a stranger's until the person has read it: it is compiled and evaluated in the
sandbox, may use neither files nor variables, and its annotators are never called.
"""

import asyncio
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from acs_sidecar.console.manifest_set import ManifestAccess, ShownManifest
from acs_sidecar.console.merged_text import yaml_text
from acs_sidecar.console.rendering import page, rendered
from acs_sidecar.console.self_contained import self_contained
from acs_sidecar.decision.answer import decision_json
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.request import DuplicateMembers, EvaluateRequest, parse_object
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.sandbox.preparation import document_bytes
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import POINT_NAMES, InterventionPoint, Mode
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import Json, JsonObject, nesting_bound
from acs_sidecar.trials.decide import decide
from acs_sidecar.trials.explained import ExplainedPart, explained_parts
from acs_sidecar.trials.injection import InjectionError, injected

__all__ = ["Playground", "playground_routes"]

MOST_BYTES: Final = 2 * 1024 * 1024
_AT_ONCE = 2
_INCLUDE = frozenset({"policy_input", "trace", "explain"})
_EXAMPLE = """agent_control_specification_version: 0.3.1-beta
metadata: {name: playground}
policies:
  main:
    type: rego
    modules:
      main.rego: |
        package main
        import rego.v1
        default verdict := {"decision": "allow"}
        verdict := {"decision": "deny", "reason": "secret_word"} if {
          contains(lower(input.policy_target.value), "secret")
        }
    query: data.main.verdict
intervention_points:
  input:
    policy: {id: main}
    policy_target: $snap.input.text
    policy_target_kind: text
"""
_SNAPSHOT = '{\n  "input": {"text": "tell me the secret"}\n}\n'


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is tried: a loaded manifest by name, or the text of one, and the rest of a request."""

    name: str
    text: str
    point: str
    mode: Mode
    snapshot: str
    annotations: str


class _TrialError(Exception):
    """A part of a trial that cannot be read; `part` is the name of its field."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(problem)
        self.part = part


class Playground:
    """Evaluates trials: the operator's manifests here, all others by the sandbox of `compiler`."""

    def __init__(
        self, manifests: ManifestAccess, compiler: ManifestCompiler, duplicate_members: DuplicateMembers
    ) -> None:
        self._manifests = manifests
        self._compiler = compiler
        self._duplicate_members = duplicate_members
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._last: tuple[str, CompiledManifest] | None = None

    async def result(self, trial: _Trial) -> dict[str, object]:
        """Return what the page shows of a trial. Raises `_TrialError`, `ManifestError`, `RefusalError`."""
        async with self._turns:
            manifest = await self._manifest(trial)
            snapshot = self._object(trial.snapshot, "snapshot")
            annotations = self._object(trial.annotations or "{}", "annotations")
            try:
                prepared = injected(manifest, trial.point, annotations)
            except InjectionError as error:
                raise _TrialError("annotations", str(error)) from None
            request = EvaluateRequest(
                point=trial.point,
                snapshot=snapshot,
                nesting=nesting_bound(trial.snapshot.encode()),
                mode=trial.mode,
                include=_INCLUDE,
            )
            decision = await decide(prepared, request)
        body = decision_json(decision, None, _INCLUDE)
        return {
            "verdict": body["verdict"],
            "detail": body.get("detail"),
            "diff": [*_diff(body)],
            "explain": body.get("explain"),
            "explained": _explained(body),
            "trace": body.get("trace"),
            "policy_input": body.get("policy_input"),
            "warnings": manifest.warnings,
        }

    async def _manifest(self, trial: _Trial) -> CompiledManifest:
        if trial.name:
            loaded = (await self._manifests.by_name()).get(trial.name)
            if loaded is None or loaded.tried is None:
                raise _TrialError("manifest", f"`{trial.name}` is not loaded, or not valid")
            return loaded.tried.compiled
        if self._last and self._last[0] == trial.text:
            return self._last[1]
        compiled = await self._compiler.compile_inline(trial.text, document_bytes(trial.text, b""))
        self._last = trial.text, compiled.manifest
        return compiled.manifest

    def _object(self, text: str, part: str) -> dict[str, Json]:
        try:
            return parse_object(text.encode(), self._duplicate_members, f"the {part}")
        except (RefusalError, UnicodeEncodeError) as error:
            raise _TrialError(part, getattr(error, "detail", "not Unicode text")) from None


def _explained(body: Mapping[str, Json]) -> list[ExplainedPart]:
    explained, trace = body.get("explain"), body.get("trace")
    if not isinstance(explained, dict) or not isinstance(trace, dict):
        return []
    return explained_parts(explained, trace.get("steps"))


def playground_routes(playground: Playground, manifests: ManifestAccess) -> list[Route]:
    """Return the routes of the page and of a trial."""
    return [
        Route("/playground", partial(_page, manifests)),
        Route("/playground/evaluate", partial(_evaluate, playground), methods=["POST"]),
    ]


async def _page(manifests: ManifestAccess, request: Request) -> Response:
    by_name = await manifests.by_name()
    name = request.query_params.get("manifest", "")
    loaded = by_name.get(name)
    is_copy = "copy" in request.query_params
    text = await asyncio.to_thread(_copied, loaded) if loaded and is_copy else loaded and loaded.text
    cases = loaded.cases if loaded and text is not None else ()
    case = _case(cases, request.query_params.get("case", "0"))
    return page(
        request,
        "playground.html",
        here="playground",
        names=sorted(name for name, one in by_name.items() if one.tried),
        chosen="" if text is None or is_copy else name,
        text=_EXAMPLE if text is None else text,
        cases=cases,
        case=case,
        snapshot=_written(case.snapshot) if case else _SNAPSHOT,
        annotations=_written(case.annotations) if case else "{}",
        chosen_point=case.point if case else InterventionPoint.INPUT,
        points=[*InterventionPoint],
        modes=[*Mode],
    )


def _copied(loaded: ShownManifest) -> str | None:
    """Return a manifest as a text that stands alone: its own where it names no file."""
    if loaded.value is None or loaded.tried is None:
        return loaded.text
    read = loaded.tried.read
    value = self_contained(loaded.value, read.sources)
    return loaded.text if value == loaded.value and not read.parents else yaml_text(value)


def _case(cases: Sequence[Case], number: str) -> Case | None:
    """Return the case that the page begins with: that of a number, or the first."""
    if not cases:
        return None
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
    return cases[at] if at < len(cases) else cases[0]


def _written(value: JsonObject) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


async def _evaluate(playground: Playground, request: Request) -> Response:
    """Answer a trial with the part of the page that shows its result."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return JSONResponse(
                {"problem": f"more than {MOST_BYTES >> 20} MiB"}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
    try:
        result = await playground.result(_trial(body))
    except ManifestError as error:
        return _shown(request, "findings.html", findings=error.diagnostics)
    except _TrialError as error:
        return _shown(request, "mistake.html", part=error.part, problem=str(error))
    except RefusalError as error:
        return _shown(request, "mistake.html", part="request", problem=error.detail)
    return _shown(request, "result.html", **result)


def _shown(request: Request, template: str, **members: object) -> JSONResponse:
    findings = members.get("findings") or members.get("warnings") or ()
    places = [
        {"line": one.line, "severity": one.severity, "message": printable(str(one))}
        for one in findings  # type: ignore[attr-defined]  # diagnostics, in both cases
        if one.line
    ]
    return JSONResponse({"html": rendered(request, template, **members), "places": places})


def _trial(body: bytes) -> _Trial:
    try:
        value = orjson.loads(body)
        members = {name: value[name] for name in ("name", "text", "point", "mode", "snapshot", "annotations")}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise _TrialError("request", "not a trial: open the page again") from None
    if not all(isinstance(member, str) for member in members.values()):
        raise _TrialError("request", "not a trial: open the page again")
    if members["point"] not in POINT_NAMES or members["mode"] not in [*Mode]:
        raise _TrialError("request", "no such intervention point or mode")
    return _Trial(**{**members, "mode": Mode(members["mode"])})


def _diff(body: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the lines of the target before and behind a transform, each with `+`, `-` or a blank."""
    if "transformed_policy_target" not in body:
        return
    seen = body.get("policy_input")
    before = seen["policy_target"]["value"] if _has_target(seen) else None  # type: ignore[index,call-overload]
    for line in difflib.ndiff(_lines(before), _lines(body["transformed_policy_target"])):
        if not line.startswith("?"):
            yield line[0], printable(line[2:])


def _has_target(value: Json) -> bool:
    target = value.get("policy_target") if isinstance(value, dict) else None
    return isinstance(target, dict) and "value" in target


def _lines(value: Json | JsonObject) -> list[str]:
    if isinstance(value, str):
        return value.splitlines() or [""]
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().splitlines()
