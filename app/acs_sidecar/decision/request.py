"""Requests as values, checked member by member (section 2.1)."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

import orjson

from acs_sidecar.approval.resolution import ApprovalClaim
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.document.duplicate_members import has_duplicate_members
from acs_sidecar.spec.document.suggestions import nearest, one_of
from acs_sidecar.spec.manifest.compiled import AnyManifest
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.streams.vocabulary import StreamSpan
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "INCLUDES",
    "MAX_BATCH",
    "DuplicateMembers",
    "EvaluateRequest",
    "has_exact_integers",
    "only_members",
    "parse_object",
    "read_batch",
    "read_evaluate",
    "read_resolve",
]

INCLUDES = frozenset({"policy_input", "trace", "receipt", "explain", "context_identity"})
"""What a response can have besides the decision; `explain` brings `policy_input` and `trace` with it."""
MAX_BATCH = 256
MAX_REQUEST_ID = 128

_MEMBERS = frozenset(
    {
        "snapshot",
        "mode",
        "manifest",
        "manifest_signature",
        "manifest_ref",
        "request_id",
        "include",
        "intervention_point",
        "dialect",
    }
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""A member that a response can name: longer and other ones may be content."""
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_MOST_DIGITS = len(str(-(2**64)))
_BATCH = frozenset({"requests"})
_CLAIM = ("challenge", "approval", "outcome")
_NOTHING: frozenset[str] = frozenset()


@dataclass(
    slots=True, kw_only=True
)  # not frozen: one is made for every request, and freezing doubles its cost
class EvaluateRequest:
    """One request for a verdict. `nesting` bounds the depth of everything that came in the body.

    For a span of a stream, `stream_span` says which, and `admitted` is what the stream was admitted with.
    `vocabulary` is how it wants the verdict told, where it says. Where the `host_applies` transforms, the
    snapshot is an agent context, and a transform is one of its `target`. `exact_integers` is false where an
    identity is asked of a snapshot that came with integers of which not every digit is read.
    """

    point: str
    snapshot: dict[str, Json]
    nesting: int
    mode: Mode = Mode.ENFORCE
    manifest: str | dict[str, Json] | None = None
    manifest_signature: JsonObject | None = None
    manifest_ref: str | None = None
    request_id: str | None = None
    include: frozenset[str] = _NOTHING
    admitted: AnyManifest | None = None
    stream_span: StreamSpan | None = None
    vocabulary: Vocabulary | None = None
    host_applies: bool = False
    exact_integers: bool = True


class DuplicateMembers(StrEnum):
    """What a member that an object has twice does to a request."""

    REFUSE = "refuse"
    LAST = "last"


def parse_object(
    body: bytes, duplicates: DuplicateMembers = DuplicateMembers.REFUSE, subject: str = "the body"
) -> dict[str, Json]:
    """Read a body that must be one JSON object; messages call it `subject`. Raises `RefusalError`.

    Of a member that occurs twice, other readers may take the first: with `LAST` the last one counts here.
    """
    try:
        value: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad(f"{subject} is not valid JSON: line {error.lineno}, column {error.colno}") from None
    if not isinstance(value, dict):
        raise _bad(f"{subject} is not a JSON object")
    if duplicates is DuplicateMembers.REFUSE and has_duplicate_members(body, value):
        raise _bad(
            f"an object in {subject} has a member twice: "
            "remove one, or let the operator set ACS_DUPLICATE_MEMBERS=last"
        )
    return value


def has_exact_integers(body: bytes) -> bool:
    """True unless JSON has an integer beyond 64 bits, which is read as the nearest float.

    Two of them may be one number here and two where an action is carried out.
    """
    if not _LONG_NUMBER.search(body):
        return True
    try:
        json.loads(body, parse_int=_exact_integer)
    except (OverflowError, RecursionError):
        return False
    return True


def _exact_integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or not -(2**63) <= (integer := int(digits)) < 2**64:
        raise OverflowError
    return integer


def read_batch(members: dict[str, Json]) -> list[Json]:
    """Return the items of a batch, not yet checked. Raises `RefusalError`."""
    only_members(members, _BATCH)
    items = members.get("requests")
    if not isinstance(items, list):
        raise _bad("`requests` must be a list")
    if len(items) > MAX_BATCH:
        raise _bad(f"`requests` exceeds {MAX_BATCH} items")
    return items


def read_resolve(members: dict[str, Json], nesting: int) -> tuple[EvaluateRequest, ApprovalClaim]:
    """Check the members of a resolution: an evaluation and a claim about it. Raises `RefusalError`."""
    claimed = {name: members.pop(name, None) for name in _CLAIM}
    request = read_evaluate(members, None, nesting)
    problem: str | None = None
    for name, value in claimed.items():
        if value is not None and not isinstance(value, str):
            problem = f"`{name}` must be a string"
    if claimed["approval"] is not None and claimed["outcome"] is not None:
        problem = "set either `approval` or `outcome`"
    if request.mode is not Mode.ENFORCE:
        problem = "`mode` must be `enforce`"
    if problem:
        raise RefusalError(Cause.MALFORMED, problem, request_id=request.request_id)
    return request, ApprovalClaim(**{name: text for name, text in claimed.items() if isinstance(text, str)})


def read_evaluate(members: Json, point: str | None, nesting: int) -> EvaluateRequest:
    """Check the members of one evaluation. Raises `RefusalError`.

    `point` is the intervention point where the transport knows it already.
    """
    if not isinstance(members, dict):
        raise _bad("the item is not a JSON object")
    request_id = _request_id(members.get("request_id"))
    try:
        only_members(members, _MEMBERS)
        snapshot = members.get("snapshot")
        if not isinstance(snapshot, dict):
            raise _bad("`snapshot` must be an object")
        manifest, reference = members.get("manifest"), members.get("manifest_ref")
        if manifest is not None and reference is not None:
            raise _bad("set either `manifest` or `manifest_ref`")
        named = _point(members.get("intervention_point"), point, snapshot)
        request = EvaluateRequest(point=named, snapshot=snapshot, nesting=nesting, request_id=request_id)
        if "mode" in members:
            request.mode = _mode(members["mode"])
        if manifest is not None:
            request.manifest = _manifest(manifest)
        if "manifest_signature" in members:
            request.manifest_signature = _signature(members["manifest_signature"], manifest)
        if reference is not None:
            request.manifest_ref = _reference(reference)
        if "include" in members:
            request.include = _include(members["include"])
        if "dialect" in members:
            request.vocabulary = _vocabulary(members["dialect"])
    except RefusalError as error:
        error.request_id = request_id
        raise
    return request


def only_members(members: dict[str, Json], known: frozenset[str]) -> None:
    """Raise `RefusalError` for the first member that is not known."""
    if members.keys() <= known:
        return
    unknown = next(name for name in members if name not in known)
    meant = nearest(unknown, known)
    advice = f"rename it to `{meant}`" if meant else f"remove it; {one_of(sorted(known))}"
    name = f" `{unknown}`" if _NAME.fullmatch(unknown) else ""
    raise RefusalError(Cause.MALFORMED, f"unknown member: {advice}", answer=f"unknown member{name}: {advice}")


def _point(in_body: Json, in_path: str | None, snapshot: JsonObject) -> str:
    if in_body is not None and not isinstance(in_body, str):
        raise _bad("`intervention_point` must be a string")
    if in_path is not None and in_body is not None and in_body != in_path:
        raise _bad("`intervention_point` contradicts the path")
    point = in_body if in_path is None else in_path
    if "interception_point" in snapshot:
        return _hooked_point(point, snapshot["interception_point"])
    if point is None:
        raise _bad("`intervention_point` is missing: set it in the path or in the body")
    return point


def _hooked_point(named: str | None, in_snapshot: Json) -> str:
    """Return the point of an agent context, which the request need not name again."""
    if not isinstance(in_snapshot, str):
        raise _bad("`snapshot.interception_point` must be a string")
    if named is not None and named != in_snapshot:
        raise _bad("`snapshot.interception_point` contradicts the intervention point of the request")
    return in_snapshot


def _vocabulary(dialect: Json) -> Vocabulary:
    for vocabulary in Vocabulary:
        if dialect == vocabulary.value:
            return vocabulary
    raise _bad("`dialect` must be " + " or ".join(f'`"{name}"`' for name in Vocabulary))


def _mode(mode: Json) -> Mode:
    if mode == Mode.ENFORCE:
        return Mode.ENFORCE
    if mode == Mode.EVALUATE_ONLY:
        return Mode.EVALUATE_ONLY
    raise _bad("`mode` must be `enforce` or `evaluate_only`")


def _manifest(manifest: Json) -> str | dict[str, Json]:
    if isinstance(manifest, str | dict):
        return manifest
    raise _bad("`manifest` must be an object, or a string of YAML or JSON")


def _signature(signature: Json, manifest: Json) -> JsonObject | None:
    if signature is None:
        return None
    if manifest is None:
        raise _bad("`manifest_signature` requires `manifest`")
    if (
        isinstance(signature, dict)
        and {"key_id", "signature"} <= signature.keys() <= {"key_id", "signature", "statement"}
        and isinstance(signature["key_id"], str)
        and isinstance(signature["signature"], str)
        and isinstance(signature.get("statement"), dict | None)
    ):
        return signature
    raise _bad(
        "`manifest_signature` must be an object with the strings `key_id` and `signature`, "
        "and the object `statement` where it has one"
    )


def _reference(reference: Json) -> str:
    if isinstance(reference, str):
        return reference
    raise _bad("`manifest_ref` must be a string")


def _request_id(request_id: Json) -> str | None:
    if request_id is None:
        return None
    if isinstance(request_id, str) and 0 < len(request_id) <= MAX_REQUEST_ID and request_id.isprintable():
        return request_id
    raise _bad(f"`request_id` must be 1 to {MAX_REQUEST_ID} printable characters")


def _include(include: Json) -> frozenset[str]:
    if isinstance(include, list):
        names = frozenset(name for name in include if isinstance(name, str))
        if len(names) == len(include) and names <= INCLUDES:
            return names
    listed = ", ".join(f"`{name}`" for name in sorted(INCLUDES))
    raise _bad(f"`include` must be a list of distinct names from {listed}")


def _bad(detail: str) -> RefusalError:
    return RefusalError(Cause.MALFORMED, detail)
