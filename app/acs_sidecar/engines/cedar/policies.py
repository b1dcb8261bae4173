"""A policy set: parsed, validated, remarked upon, and what an answer of the engine means (section 1.7.1)."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.advice import Advice, read_advice
from acs_sidecar.engines.cedar.definition import JsonSource
from acs_sidecar.engines.cedar.links import (
    TemplateLink,
    check_links,
    fill_slots,
    fill_text,
    read_links,
    slots_of,
)
from acs_sidecar.engines.cedar.reads import Reads, has_in_on_texts, reads_of
from acs_sidecar.engines.cedar.schema.source import CompiledSchema
from acs_sidecar.engines.cedar.slicing.answers import NamedPolicy, PolicySlice
from acs_sidecar.engines.cedar.slicing.scopes import ScopeConstraint, ScopedPolicy
from acs_sidecar.engines.cedar.source import (
    MAX_POLICY_CHARACTERS,
    CedarStatement,
    PolicyText,
    missing_end,
    statements,
)
from acs_sidecar.engines.cedar.stock.library import is_of_library
from acs_sidecar.engines.cedar.uids import EngineUid
from acs_sidecar.engines.cedar.validation import validate_links, validate_statements
from acs_sidecar.engines.findings import SourceLocation, finding, too_large, warning
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.versions import DIALECT_03
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import deeper_than

__all__ = ["MAX_CHAIN", "Policies", "compile_policies"]

MAX_CHAIN = 300
"""Operators applied to one another; the engine gives up at some 450 on a stack of 2 MiB."""

_CONTAINERS_PER_OPERATOR = 2
_READ_ANNOTATIONS = ("id", "advice")
_VERDICTS = frozenset({"decision", "verdict"})
_NEAR = 0.8
_EVERYTHING = {"op": "All"}
_IN_OF_CONDITION = re.compile(r"\b(?:when|unless)\b.*\bin\b", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _ParsedPolicy:
    """A policy or template: `written` is its JSON form, of a policy without its conditions."""

    statement: CedarStatement
    written: Mapping[str, Any]
    slots: frozenset[str]
    in_on_texts: bool
    unconditional: bool


@dataclass(frozen=True, slots=True)
class _LinkedPolicy:
    """A policy that a link makes of the template at the position `template`.

    `text` is its text, and `filled` the JSON form of its template with the scope of the link.
    """

    link: TemplateLink
    template: int
    text: str
    filled: Mapping[str, Any]
    policy: NamedPolicy

    @property
    def engine_id(self) -> str:
        return f"link{self.link.index}"

    @property
    def values(self) -> Mapping[str, EngineUid]:
        return {slot: uid._asdict() for slot, uid in self.link.values.items()}


@dataclass(frozen=True, slots=True)
class Policies:
    """A compiled policy set. `reads` is what its policies read of the context.

    `scoped` are the policies that can apply: linked ones, and no templates.
    """

    whole: PolicySlice
    scoped: tuple[ScopedPolicy, ...]
    reads: Reads
    warnings: tuple[Diagnostic, ...]


def compile_policies(
    sources: Sequence[PolicyText],
    given_links: JsonSource,
    schema: CompiledSchema | None,
    dialect: Dialect = DIALECT_03,
) -> Policies:
    """Compile policies, in the order given, and the links of templates. Raises `ManifestError`."""
    if sum(len(source.text) for source in sources) > MAX_POLICY_CHARACTERS:
        raise too_large(f"policies exceed {MAX_POLICY_CHARACTERS} characters", sources[0].path)
    cut = [statement for source in sources for statement in statements(source)]
    reads = Reads()
    parsed = _parsed(cut, reads)
    compiled = [
        _policy(position, one.written, dialect, of_library=is_of_library(one.statement.at))
        for position, one in enumerate(parsed)
    ]
    if schema is not None:
        validate_statements(cut, [known.name for known in compiled], schema)
    linked = _linked(given_links, parsed, compiled)
    if schema is not None:
        validate_links([(one.policy.name, one.text) for one in linked], schema, given_links)
    used = {one.template for one in linked}
    warnings = [
        warned
        for one, known in zip(parsed, compiled, strict=True)
        if not is_of_library(one.statement.at)
        for warned in _warnings(one, known, linked=known.position[0] in used)
    ]
    warnings += _same_ids(parsed, compiled)
    handle = engine.with_links(
        engine.parse_policies("\n".join(statement.text for statement in cut)),
        [(engine.numbered_id(one.template), one.engine_id, one.values) for one in linked],
    )
    by_id = {
        **{engine.numbered_id(position): policy for position, policy in enumerate(compiled)},
        **{one.engine_id: one.policy for one in linked},
    }
    scoped = (
        *(
            _scoped(known, one.statement.text, one.statement.at, one.written)
            for one, known in zip(parsed, compiled, strict=True)
            if not one.slots
        ),
        *(_scoped(one.policy, one.text, cut[one.template].at, one.filled) for one in linked),
    )
    return Policies(PolicySlice(handle, by_id), scoped, reads, tuple(warnings))


def _linked(
    source: JsonSource,
    parsed: Sequence[_ParsedPolicy],
    compiled: Sequence[NamedPolicy],
) -> list[_LinkedPolicy]:
    links = read_links(source)
    templates = {position: one.slots for position, one in enumerate(parsed) if one.slots}
    check_links(
        source,
        links,
        [(compiled[position].name, slots) for position, slots in templates.items()],
        [policy.name for position, policy in enumerate(compiled) if position not in templates],
    )
    positions = {compiled[position].name: position for position in templates}
    if sum(len(parsed[positions[link.template]].statement.text) for link in links) > MAX_POLICY_CHARACTERS:
        raise too_large(f"linked policies exceed {MAX_POLICY_CHARACTERS} characters", source.at)
    return [
        _LinkedPolicy(
            link,
            position,
            fill_text(parsed[position].statement.text, link.values),
            fill_slots(parsed[position].written, link.values),
            NamedPolicy(
                link.name,
                _annotated_id(parsed[position].written) or link.name,
                (position, link.index),
                compiled[position].advice,
            ),
        )
        for link in links
        for position in (positions[link.template],)
    ]


def _scoped(known: NamedPolicy, text: str, at: SourceLocation, policy: Mapping[str, Any]) -> ScopedPolicy:
    scope = (ScopeConstraint.of(policy[part]) for part in ("principal", "action", "resource"))
    return ScopedPolicy(known, text, at, *scope)


def _parsed(cut: Iterable[CedarStatement], reads: Reads) -> list[_ParsedPolicy]:
    """Parse policies one by one, and add to `reads` what they read of the context."""
    parsed: list[_ParsedPolicy] = []
    findings = []
    for statement in cut:
        try:
            policy = engine.parse_policy(statement.text)
        except engine.EngineError as error:
            findings.append(_syntax_error(statement, str(error)))
            continue
        except engine.NestingError:
            raise _chained(statement) from None
        # Every operator takes a character.
        if len(statement.text) > MAX_CHAIN and _too_deep(policy):
            raise _chained(statement)
        bodies = [condition["body"] for condition in policy["conditions"]]
        if not is_of_library(statement.at):
            reads_of(bodies, reads)
        slots = slots_of(policy)
        parsed.append(
            _ParsedPolicy(
                statement,
                policy if slots else {**policy, "conditions": []},
                slots,
                _IN_OF_CONDITION.search(statement.text) is not None and any(map(has_in_on_texts, bodies)),
                _unconditional(policy),
            )
        )
    if findings:
        raise ManifestError(findings)
    return parsed


def _syntax_error(statement: CedarStatement, message: str) -> Diagnostic:
    end = missing_end(statement.text)
    if end is None:
        return finding("cedar-policy-syntax", message, statement.place_of(message))
    return finding("cedar-policy-syntax", "a policy ends with `;`: write it here", statement.place(end))


def _too_deep(policy: Mapping[str, Any]) -> bool:
    room = MAX_CHAIN - len(policy["conditions"])
    bodies = [condition["body"] for condition in policy["conditions"]]
    return room < 0 or any(deeper_than(body, room * _CONTAINERS_PER_OPERATOR) for body in bodies)


def _chained(statement: CedarStatement) -> ManifestError:
    message = f"a policy applies more than {MAX_CHAIN} operators to one another: use a set and `contains`"
    return too_large(message, statement.at)


def _policy(position: int, policy: Mapping[str, Any], dialect: Dialect, *, of_library: bool) -> NamedPolicy:
    annotations = policy.get("annotations", {})
    name = _annotated_id(policy) or engine.numbered_id(position)
    advice = (
        _advice(annotations["advice"] or "", dialect, of_library=of_library)
        if "advice" in annotations
        else None
    )
    return NamedPolicy(name, name, (position,), advice, only_advises=of_library and advice is not None)


def _annotated_id(policy: Mapping[str, Any]) -> str | None:
    """Return the `@id` of a policy, unless it is blank."""
    name: str = policy.get("annotations", {}).get("id") or ""
    return name if name.strip() else None


def _advice(text: str, dialect: Dialect, *, of_library: bool) -> Advice | EvaluationError:
    try:
        return read_advice(text, dialect, of_library=of_library)
    except EvaluationError as error:
        return error


def _warnings(policy: _ParsedPolicy, known: NamedPolicy, *, linked: bool) -> Iterator[Diagnostic]:
    def warned(code: str, message: str) -> Diagnostic:
        return warning(code, f"policy `{known.name}` {message}", policy.statement.at)

    if policy.slots and not linked:
        yield warned(
            "cedar-unlinked-template",
            "is a template that no link uses and never applies: add a link, or name the entities",
        )
    if policy.in_on_texts:
        yield warned("cedar-in-texts", "uses `in` on strings, which always fails: write `[…].contains(…)`")
    for name in policy.written.get("annotations", {}):
        if meant := _meant_annotation(name):
            yield warned("cedar-annotation-unread", f"has `@{name}`, which is not read: write `@{meant}`")
    if policy.written["effect"] == "forbid" and known.advice is not None:
        yield warned(
            "cedar-advice-on-forbid", "is a forbid, whose `@advice` is never read: move it to a permit"
        )
    elif isinstance(known.advice, EvaluationError):
        yield warned(
            "cedar-advice-invalid",
            f"has an invalid `@advice`, so what it permits is denied: {known.advice.detail}",
        )
    if policy.written["effect"] == "permit" and known.advice is None and policy.unconditional:
        yield warned(
            "cedar-unconditional-permit",
            "permits everything that is not forbidden: add a scope or a condition",
        )


def _same_ids(parsed: Iterable[_ParsedPolicy], compiled: Iterable[NamedPolicy]) -> Iterator[Diagnostic]:
    """Remark on policies with the `@id` of an earlier one."""
    seen: set[str] = set()
    for one, known in zip(parsed, compiled, strict=True):
        if known.name in seen and not is_of_library(one.statement.at):
            message = (
                f"policy `{known.name}` has the `@id` of another one: no reason tells which of them decided"
            )
            yield warning("cedar-id-duplicate", message, one.statement.at)
        seen.add(known.name)


def _meant_annotation(name: str) -> str | None:
    """Return the annotation that is read in the place of one that looks like it."""
    if name in _READ_ANNOTATIONS:
        return None
    if name in _VERDICTS:
        return "advice"
    near = difflib.get_close_matches(name.lower()[:64], _READ_ANNOTATIONS, 1, _NEAR)
    return near[0] if near else None


def _unconditional(policy: Mapping[str, Any]) -> bool:
    return all(policy[part] == _EVERYTHING for part in ("principal", "action", "resource")) and all(
        condition["body"] == {"Value": condition["kind"] == "when"} for condition in policy["conditions"]
    )
