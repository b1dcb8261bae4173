"""A compiled manifest: everything that an evaluation needs, resolved before the first request."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from acs_sidecar.spec.approval import ApprovalPlan
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.versions import DIALECT_03
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.model import Manifest, Point
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import PolicyDispatch
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import Json, JsonObject, nesting_bound

__all__ = [
    "NO_ANNOTATIONS",
    "NO_TOOL",
    "Annotate",
    "AnyManifest",
    "CompiledManifest",
    "CompiledPoint",
    "InlineMode",
    "InvalidManifest",
    "Provenance",
    "Tool",
    "ToolCatalogue",
    "no_annotators",
]

Annotate = Callable[[Mapping[str, Json], Trace], Awaitable[dict[str, Json]]]
"""Runs a point's annotators over the preliminary policy input and gives `annotations`."""

NO_ANNOTATIONS = b"{}"


@dataclass(frozen=True, slots=True)
class Tool:
    """A projected tool: the manifest's entry with its name, ready to serialise into any input."""

    name: str | None
    value: Json
    canonical: bytes
    nesting: int

    @classmethod
    def project(cls, name: str, entry: JsonObject) -> "Tool":
        """Project a manifest's `tools` entry."""
        value: dict[str, Json] = {**entry, "name": name}
        # Copied: the serialiser's own buffer is many times as long as a short text.
        text = bytes(memoryview(canonical(value)))
        return cls(name, value, text, nesting_bound(text))


class ToolCatalogue(Mapping[str, Tool]):
    """Tools in one text, each read when it is looked up: for manifests that may have very many.

    A line is the name and the projected tool, both JSON, with a tab between them: neither has a raw one.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text

    @classmethod
    def of(cls, tools: Mapping[str, JsonObject]) -> "ToolCatalogue":
        """Write the tools of a manifest."""
        lines = [
            orjson.dumps(name) + b"\t" + canonical({**tool, "name": name}) for name, tool in tools.items()
        ]
        return cls(b"".join(b"\n" + line for line in lines) + b"\n")

    def __getitem__(self, name: str) -> Tool:
        """Return the tool of that name. Raises `KeyError`."""
        start = b"\n" + orjson.dumps(name) + b"\t"
        at = self.text.find(start)
        if at < 0:
            raise KeyError(name)
        text = self.text[at + len(start) : self.text.index(b"\n", at + 1)]
        return Tool(name, orjson.loads(text), text, nesting_bound(text))

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return (orjson.loads(line.partition(b"\t")[0]) for line in self.text.splitlines() if line)

    def __len__(self) -> int:
        """Count the tools."""
        return self.text.count(b"\n") - 1


NO_TOOL = Tool(None, None, b"null", 0)


async def no_annotators(_preliminary: Mapping[str, Json], _trace: Trace) -> dict[str, Json]:
    """Return no annotations, for a point without annotators."""
    return {}


@dataclass(frozen=True, slots=True)
class CompiledPoint:
    """A point with everything that its evaluation needs, resolved when the manifest was compiled."""

    config: Point
    tools: Mapping[str, Tool]
    limits: Limits
    annotate: Annotate
    policy: PolicyDispatch
    policy_type: str
    policy_digest: str
    dialect: Dialect = DIALECT_03
    name: str = field(init=False)
    annotator_names: tuple[str, ...] = field(init=False)
    _opening: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Serialise what does not change from one policy input to the next."""
        config = self.config
        fixed = canonical({"kind": config.target_kind, "path": config.target.text})
        point = canonical(config.name.value)
        opening = b',"intervention_point":' + point + b',"policy_target":' + fixed[:-1] + b',"value":'
        object.__setattr__(self, "name", config.name.value)
        object.__setattr__(self, "annotator_names", tuple(use.name for use in config.annotators))
        object.__setattr__(self, "_opening", opening)

    def canonical_input(self, annotations: bytes, target: bytes, snapshot: bytes, tool: bytes) -> bytes:
        """Join the canonical bytes of a policy input from those of its parts."""
        return b"".join(
            (
                b'{"annotations":',
                annotations,
                self._opening,
                target,
                b'},"snapshot":',
                snapshot,
                b',"tool":',
                tool,
                b"}",
            )
        )


class Provenance(StrEnum):
    """The provenance of a manifest. A compilation is never shared between two (section 1.3)."""

    OPERATOR = "operator"
    INLINE = "inline"
    SIGNED = "signed"


class InlineMode(StrEnum):
    """How a manifest in a request is treated (section 2.5)."""

    DENY = "deny"
    SANDBOXED = "sandboxed"
    SIGNED = "signed"
    TRUSTED = "trusted"


@dataclass(frozen=True, slots=True)
class CompiledManifest:
    """A compiled manifest. `points` is keyed by the name of the intervention point.

    `statement` is what its policies state together, with the findings about the manifest among its warnings.
    """

    name: str | None
    provenance: Provenance
    manifest: Manifest
    points: Mapping[str, CompiledPoint]
    statement: PolicyStatement
    approval: ApprovalPlan | None = None

    @property
    def digest(self) -> str | None:
        """The digest of the merged manifest."""
        return self.manifest.digest

    @property
    def policy_digests(self) -> dict[str, str]:
        """The digests of its policies by point; the manifest's own covers none of their files."""
        return {name: point.policy_digest for name, point in self.points.items()}

    @property
    def dialect(self) -> Dialect:
        """The dialect that the manifest is written in."""
        return self.manifest.dialect

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The findings about the manifest and its policies."""
        return self.statement.warnings


@dataclass(frozen=True, slots=True)
class InvalidManifest:
    """A manifest that denies every request; `digest` is set if the whole text could be read.

    `dialect` is that of the version it names, where it names one.
    """

    name: str | None
    provenance: Provenance
    error: ManifestError
    digest: str | None
    dialect: Dialect = DIALECT_03


AnyManifest = CompiledManifest | InvalidManifest
