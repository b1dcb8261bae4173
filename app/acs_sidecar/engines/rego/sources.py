"""From a `rego` policy definition to modules and one data document (sections 1.7, 1.7.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from acs_sidecar.engines.findings import SourceLocation, finding, invalid
from acs_sidecar.engines.rego.bundle import EVERYTHING, Bundle, Roots, is_hidden, read_bundle
from acs_sidecar.engines.rego.documents import DOCUMENT_SUFFIXES, DataBounds, Placed, merge, read_document
from acs_sidecar.engines.rego.library import library_modules, refuse_library_data
from acs_sidecar.engines.rego.members import MEMBERS, ORIGINS
from acs_sidecar.engines.rego.module import Module
from acs_sidecar.engines.stock.library import StockLibrary, stock_library
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.pinned_url import InvalidReferenceError, parse_reference, redacted_url
from acs_sidecar.spec.ports import SourceError, SourceFile, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Module", "RegoSources", "is_blank", "read_sources"]


@dataclass(frozen=True, slots=True)
class RegoSources:
    """Everything that a policy is made of."""

    modules: tuple[Module, ...]
    data: JsonObject
    warnings: tuple[Diagnostic, ...]
    library: StockLibrary | None = None


@dataclass(slots=True)
class _Collected:
    bounds: DataBounds
    modules: list[Module] = field(default_factory=list)
    documents: list[Placed] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)


def read_sources(
    path: str, definition: JsonObject, sources: SourceReader, bounds: DataBounds, text_of_target: str
) -> RegoSources:
    """Check the members of the definition named `path` and read what they give or name.

    `text_of_target` is how the manifest writes the root of the policy target.
    Raises `ManifestError`.
    """
    _refuse_unknown(path, definition)
    version = _rego_version(path, definition)
    collected = _Collected(bounds)
    origins = [name for name in ORIGINS if not is_blank(definition.get(name))]
    if origins or "library" not in definition:
        _read_origin(path, definition, origins, version, sources=sources, into=collected)
    if isinstance(inline := definition.get("data"), dict):
        collected.documents.append(Placed((), inline, SourceLocation(f"{path}.data")))
    for member in ("data", "data_paths"):
        for name in _paths(f"{path}.{member}", definition.get(member), member):
            _read_extra(f"{path}.{member}", name, version, sources, collected)
    alone = not collected.modules
    library = stock_library(path, definition, sources, alone=alone)
    if library is not None:
        refuse_library_data(path, collected.documents)
        collected.modules.extend(library_modules(path, library, text_of_target, alone=alone))
        place = SourceLocation(f"{path}.config")
        collected.documents.append(Placed(("agt", "defaults", "config"), dict(library.config), place))
    _refuse_twice(collected.modules)
    data = merge(collected.documents)
    return RegoSources(tuple(collected.modules), data, tuple(collected.warnings), library)


def _refuse_unknown(path: str, definition: JsonObject) -> None:
    unknown = [
        finding("member-unknown", message, SourceLocation(f"{path}.{name}"))
        for name, message in unknown_members(definition, MEMBERS)
    ]
    if unknown:
        raise ManifestError(unknown)


def _rego_version(path: str, definition: JsonObject) -> int | None:
    if "rego_version" not in definition:
        return None
    version = definition["rego_version"]
    if not isinstance(version, int) or isinstance(version, bool) or version not in (0, 1):
        raise invalid("rego-version-unsupported", "must be 0 or 1", f"{path}.rego_version")
    return version


def _read_origin(
    path: str,
    definition: JsonObject,
    origins: Sequence[str],
    version: int | None,
    *,
    sources: SourceReader,
    into: _Collected,
) -> None:
    if len(origins) != 1:
        message = "exactly one of `bundle`, `bundle_url` and `modules` must be given"
        if origins:
            message += ", here are " + " and ".join(f"`{name}`" for name in origins)
        raise invalid("member-missing" if not origins else "member-not-allowed", message, path)
    member = f"{path}.{origins[0]}"
    if origins[0] == "modules":
        _read_modules(member, definition["modules"], version, into)
    elif origins[0] == "bundle_url":
        _read_fetched(member, definition["bundle_url"], version, sources, into)
    else:
        _read_bundle(member, definition["bundle"], version, sources, into)


def _read_modules(member: str, modules: Json, version: int | None, into: _Collected) -> None:
    if not isinstance(modules, dict) or not modules:
        raise invalid("wrong-type", "must map names to Rego text", member)
    for name, text in modules.items():
        if not name.strip():
            raise invalid("name-blank", "a module's name must not be blank", member)
        if not isinstance(text, str) or not text.strip():
            raise invalid("wrong-type", f"the module `{name}` must be Rego text", member)
        into.modules.append(Module(SourceLocation(member, name), text, _decided(version)))


def _read_bundle(
    member: str, location: Json, version: int | None, sources: SourceReader, into: _Collected
) -> None:
    if not isinstance(location, str):
        raise invalid("wrong-type", "must be a file path, a directory or a `.tar.gz`", member)
    if location.endswith(".rego"):
        file = _read_tree(member, location, sources)[0]
        into.modules.append(_module(SourceLocation(member, location), file, _decided(version)))
        return
    files = _read_tree(member, location, sources)
    if len(files) == 1 and files[0].name == location:
        message = "must be a `.rego` file, a directory or a `.tar.gz`"
        raise invalid("value-not-allowed", message, member)
    _take_bundle(member, location, files, version, into)


def _read_fetched(
    member: str, location: Json, version: int | None, sources: SourceReader, into: _Collected
) -> None:
    try:
        reference = parse_reference(location, pin_required=True)
        files = sources.fetched_tree(reference.url)
    except (InvalidReferenceError, SourceError) as error:
        code = "source-unreadable" if isinstance(error, SourceError) else "wrong-type"
        raise invalid(code, str(error), member) from None
    _take_bundle(member, redacted_url(reference.url), files, version, into)


def _take_bundle(
    member: str, name: str, files: Sequence[SourceFile], version: int | None, into: _Collected
) -> None:
    bundle = read_bundle(member, name, files, into.bounds)
    if not bundle.modules:
        raise invalid("rego-bundle-invalid", f"`{name}` holds no `.rego` file", member)
    into.modules.extend(_bundled(member, name, bundle, version))
    into.documents.extend(bundle.documents)
    into.warnings.extend(bundle.warnings)


def _bundled(member: str, name: str, bundle: Bundle, version: int | None) -> Iterable[Module]:
    default = _decided(version, bundle.version)
    for file in bundle.modules:
        at = SourceLocation(member, f"{name}/{file.name}")
        yield _module(at, file, bundle.versions.get(file.name, default), bundle.roots)


def _read_extra(member: str, name: str, version: int | None, sources: SourceReader, into: _Collected) -> None:
    """Read one path of `data` or `data_paths`: documents of a directory belong under its folders."""
    files = _read_tree(member, name, sources)
    single = len(files) == 1 and files[0].name == name
    for file in files:
        at = SourceLocation(member, file.name if single else f"{name}/{file.name}")
        place = PurePosixPath(file.name)
        if not single and is_hidden(place):
            continue
        if place.suffix == ".rego":
            into.modules.append(_module(at, file, _decided(version)))
        elif place.suffix in DOCUMENT_SUFFIXES:
            into.documents.append(read_document(file, () if single else place.parts[:-1], at, into.bounds))
        elif single:
            raise invalid(
                "value-not-allowed", "must be a `.rego`, `.json` or `.yaml` file, or a directory", at
            )


def _read_tree(member: str, name: str, sources: SourceReader) -> Sequence[SourceFile]:
    try:
        return sources.read_tree(name)
    except SourceError as error:
        raise invalid("source-unreadable", str(error), member) from None


def _module(at: SourceLocation, file: SourceFile, version: int, roots: Roots = EVERYTHING) -> Module:
    try:
        return Module(at, file.content.decode(), version, roots)
    except UnicodeDecodeError:
        raise invalid("rego-syntax", "is not UTF-8", at) from None


def _decided(*versions: int | None) -> int:
    return next((version for version in versions if version is not None), 1)


def _paths(member: str, written: Json, name: str) -> list[str]:
    """Return the paths that `data` or `data_paths` names."""
    if is_blank(written) or (name == "data" and isinstance(written, dict)):
        return []
    paths = written if isinstance(written, list) else [written]
    if not all(isinstance(path, str) and path.strip() for path in paths):
        allowed = "an object, a path or a list of paths" if name == "data" else "a path or a list of paths"
        raise invalid("wrong-type", f"must be {allowed}", member)
    return [str(path) for path in paths]


def _refuse_twice(modules: Iterable[Module]) -> None:
    seen: set[str] = set()
    for module in modules:
        if module.name in seen:
            raise invalid("rego-module-twice", "is read twice", module.at)
        seen.add(module.name)


def is_blank(value: Json) -> bool:
    """True if a member counts as missing: absent, `null`, or blank text."""
    return value is None or (isinstance(value, str) and not value.strip())
