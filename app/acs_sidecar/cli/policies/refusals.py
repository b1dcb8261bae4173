"""`validate --explain-refusals`: how many of somebody's policies load, and how to write the others."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from acs_sidecar.cli.output import fail, say
from acs_sidecar.cli.policies.manifest import holds_manifests
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.engines.rego.survey import REWRITES, Surveyed, survey

__all__ = ["explain_refusals"]

_TESTS = "_test.rego"


def explain_refusals(places: Sequence[Path]) -> bool:
    """Print what becomes of every `.rego` file at the places; return whether all load.

    Ends the command with 2 where there is neither such a file nor a manifest.
    """
    for place in places:
        if not place.exists():
            fail(f"{place}: no such file or folder")
    files: dict[str, str] = {}
    for path in sorted(_rego_files(places)):
        try:
            files[str(path)] = read_user_file(path).decode()
        except UnicodeDecodeError:
            fail(f"{path}: not UTF-8")
    if not files:
        if not any(map(holds_manifests, places)):
            fail(f"{', '.join(map(str, places))}: no .rego file and no manifest here")
        return True
    surveyed = list(survey(files))
    for one in surveyed:
        _show(one)
    loading = sum(one.version is not None for one in surveyed)
    typer.echo(f"{loading} of {len(surveyed)} Rego files load")
    return loading == len(surveyed)


def _rego_files(places: Iterable[Path]) -> Iterable[Path]:
    for place in places:
        if place.is_dir():
            found = place.rglob("*.rego")
            yield from (path for path in found if not path.name.endswith(_TESTS) and path.is_file())
        elif place.suffix == ".rego":
            yield place


def _show(one: Surveyed) -> None:
    if one.version is not None:
        say(f"loads    {one.name}" + ("" if one.version else "  with `rego_version: 0`"))
        return
    say(f"refused  {one.name}")
    for found in one.findings:
        place = (found.source or one.name, found.line, found.column)
        at = ":".join(str(part) for part in place if part is not None)
        say(f"  {at}: {found.message} [{found.code}]")
        if found.code in REWRITES:
            say(f"    instead: {REWRITES[found.code]}")
