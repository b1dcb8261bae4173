"""Links of templates: the entities that stand in for the slots of a template (section 1.7.1).

A link is an object in one of the forms that Cedar's tools write.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from acs_sidecar.engines.cedar.definition import JsonSource
from acs_sidecar.engines.cedar.syntax import CedarSyntaxError, EntityUid, is_type_name, parse_uid, tokens
from acs_sidecar.engines.findings import finding, invalid
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.values import Json

__all__ = ["TemplateLink", "check_links", "fill_slots", "fill_text", "read_links", "slots_of"]

_FORMS = (
    ("template_id", "new_id", "values"),
    ("template_id", "link_id", "args"),
    ("templateId", "newId", "values"),
)
"""Members for template, link, and entities by slot: in manifests, of `cedar link`, in JSON policy sets."""

_SLOTTED = ("principal", "resource")


@dataclass(frozen=True, slots=True)
class TemplateLink:
    """A link as it is written: `name` is the id of the policy that it makes; `index` counts from 0."""

    name: str
    template: str
    values: Mapping[str, EntityUid]
    index: int


def read_links(source: JsonSource) -> tuple[TemplateLink, ...]:
    """Read links, in the order given. Raises `ManifestError` with the findings of all that are wrong."""
    if not isinstance(source.value, list):
        raise invalid("wrong-type", "must be a list of links, or the path of a JSON file of them", source.at)
    links: list[TemplateLink] = []
    findings: list[Diagnostic] = []
    for index, link in enumerate(source.value):
        try:
            links.append(_link(source, index, link))
        except ManifestError as error:
            findings.extend(error.diagnostics)
    if findings:
        raise ManifestError(findings)
    return tuple(links)


def check_links(
    source: JsonSource,
    links: Iterable[TemplateLink],
    templates: Iterable[tuple[str, frozenset[str]]],
    policies: Iterable[str],
) -> None:
    """Raise `ManifestError` unless each link names one template, fills its slots, and has an id of its own.

    `templates` are the names of templates with their slots, `policies` the names of all other policies.
    """
    slots_by_name: dict[str, list[frozenset[str]]] = {}
    for name, slots in templates:
        slots_by_name.setdefault(name, []).append(slots)
    taken = {*policies, *slots_by_name}
    findings: list[Diagnostic] = []
    for link in links:
        problems = list(_problems(link, slots_by_name))
        if link.name in taken:
            problems.append(("cedar-link-duplicate", f"`{link.name}` is the id of another policy or link"))
        taken.add(link.name)
        findings += [finding(code, message, source.item(link.index)) for code, message in problems]
    if findings:
        raise ManifestError(findings)


def _problems(
    link: TemplateLink, slots_by_name: Mapping[str, Sequence[frozenset[str]]]
) -> Iterator[tuple[str, str]]:
    """Yield code and message of what does not fit between a link and its template."""
    found = slots_by_name.get(link.template, ())
    if not found:
        listed = ", ".join(f"`{name}`" for name in sorted(slots_by_name)) or "none"
        yield "cedar-link-template", f"there is no template `{link.template}`; templates are: {listed}"
    elif len(found) > 1:
        yield (
            "cedar-link-template",
            f"several templates have the id `{link.template}`: make their `@id` differ",
        )
    else:
        for slot in sorted(found[0] - link.values.keys()):
            yield "cedar-link-slot", f"does not fill `{slot}` of the template `{link.template}`"
        for slot in sorted(link.values.keys() - found[0]):
            yield "cedar-link-slot", f"fills `{slot}`, which the template `{link.template}` does not have"


def slots_of(policy: Mapping[str, Any]) -> frozenset[str]:
    """Return the slots of a template, in the engine's JSON form."""
    return frozenset(slot for part in _SLOTTED for slot in _slots(policy[part]))


def fill_slots(policy: Mapping[str, Any], values: Mapping[str, EntityUid]) -> dict[str, Any]:
    """Return a template, in the engine's JSON form, with entities for its slots."""
    return {**policy, **{part: _filled(policy[part], values) for part in _SLOTTED}}


def fill_text(template: str, values: Mapping[str, EntityUid]) -> str:
    """Return the text of a template with entities for its slots."""
    pieces: list[str] = []
    end = 0
    for slot, name in pairwise(tokens(template)):
        if slot.text == "?":
            pieces += (template[end : slot.offset], str(values[f"?{name.text}"]))
            end = name.offset + len(name.text)
    return "".join((*pieces, template[end:]))


def _slots(scope: Mapping[str, Any]) -> Iterator[str]:
    if "slot" in scope:
        yield scope["slot"]
    if isinstance(scope.get("in"), dict):
        yield from _slots(scope["in"])


def _filled(scope: Mapping[str, Any], values: Mapping[str, EntityUid]) -> dict[str, Any]:
    filled = {name: value for name, value in scope.items() if name != "slot"}
    if "slot" in scope:
        filled["entity"] = values[scope["slot"]]._asdict()
    if isinstance(scope.get("in"), dict):
        filled["in"] = _filled(scope["in"], values)
    return filled


def _link(source: JsonSource, index: int, link: Json) -> TemplateLink:
    if not isinstance(link, dict):
        raise invalid("wrong-type", "must be an object", source.item(index))
    form = next((form for form in _FORMS if link.keys() == set(form)), None)
    if form is None:
        listed = ", or ".join(", ".join(f"`{name}`" for name in form) for form in _FORMS)
        raise invalid("member-missing", f"must have exactly the members {listed}", source.item(index))
    template, name = (_text(source, index, link, member) for member in form[:2])
    values = link[form[2]]
    if not isinstance(values, dict):
        raise invalid("wrong-type", "must be an object of entities by slot", source.item(index, form[2]))
    uids = {slot: _uid(source, (index, form[2], slot), uid) for slot, uid in values.items()}
    return TemplateLink(name, template, uids, index)


def _text(source: JsonSource, index: int, link: Mapping[str, Json], member: str) -> str:
    text = link[member]
    if not isinstance(text, str) or not text.strip():
        raise invalid("wrong-type", "must be a string that is not blank", source.item(index, member))
    return text


def _uid(source: JsonSource, place: tuple[int, str, str], value: Json) -> EntityUid:
    written = value["__entity"] if isinstance(value, dict) and value.keys() == {"__entity"} else value
    if isinstance(written, dict) and written.keys() == {"type", "id"}:
        kind, name = written["type"], written["id"]
        if isinstance(kind, str) and isinstance(name, str) and is_type_name(kind):
            return EntityUid(kind, name)
    message = 'must be `Type::"id"`, or an object `{type, id}`'
    if isinstance(written, str):
        try:
            return parse_uid(written)
        except CedarSyntaxError as error:
            message = error.message
    raise invalid("cedar-uid-syntax", message, source.item(*place))
