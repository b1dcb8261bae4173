"""`acs-sidecar detect` and `detectors`: try the local classifiers, and measure them on a corpus."""

from pathlib import Path

import orjson
import typer
from rich.console import Console
from rich.table import Table

from acs_sidecar.cli.output import OutputFormat, cell, fail, print_json, show_table, wants_table
from acs_sidecar.cli.user_files import read_input, read_user_file
from acs_sidecar.detectors.corpus import CorpusError, Judged, judge, samples
from acs_sidecar.detectors.findings import Detector
from acs_sidecar.detectors.registry import LOCAL_PROVIDERS, build_detector
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["detect", "detectors"]

_KNOWN = ", ".join(f"`{name}`" for name in sorted(LOCAL_PROVIDERS))


def detect(
    place: str = typer.Argument(metavar="FILE", help="text file, or `-` for standard input"),
    provider: str = typer.Option(help=f"detector: {_KNOWN}"),
    options: str = typer.Option("{}", help="options of the detector as in a manifest, a JSON object"),
    as_json: bool = typer.Option(False, "--json", help="parse the file as JSON"),
) -> None:
    """Print what a local classifier finds in a text, as the annotation that a policy would see.

    Exits 0 when nothing is flagged, 1 when something is, 2 when it could not look.
    """
    detector = _detector(provider, _object(options, "--options"))
    content = read_input(place)
    try:
        value: Json = orjson.loads(content) if as_json else content.decode()
        found = detector(value)
    except UnicodeDecodeError:
        fail(f"{place}: not UTF-8")
    except orjson.JSONDecodeError:
        fail(f"{place}: not JSON")
    except EvaluationError as error:
        fail(f"{place}: {error.detail}")
    print_json(found)
    if found["flagged"]:
        raise typer.Exit(1)


def detectors(
    corpus: Path = typer.Argument(
        help="directory with `PROVIDER/PART-benign.txt` and `PROVIDER/PART-hostile.txt`"
    ),
    errors: bool = typer.Option(False, help="list false negatives and false positives"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Measure the local classifiers on a corpus.

    Precision is how many of the flagged samples are hostile, recall how many of the hostile ones are flagged.
    """
    rows = [row for provider in sorted(LOCAL_PROVIDERS) for row in _measured(corpus, provider)]
    if not rows:
        fail(f"{corpus}: holds no `PROVIDER/PART-benign.txt`; providers are {_KNOWN}")
    if wants_table(output):
        _show(rows)
        if errors:
            _show_errors(rows)
        return
    print_json(
        [
            {
                "provider": provider,
                "part": part,
                "benign": benign,
                "hostile": judged.hostile_flagged + len(judged.missed),
                "precision": round(judged.precision, 4),
                "recall": round(judged.recall, 4),
            }
            | ({"missed": judged.missed, "wrongly_flagged": judged.wrongly_flagged} if errors else {})
            for provider, part, benign, judged in rows
        ]
    )


_Row = tuple[str, str, int, Judged]


def _measured(corpus: Path, provider: str) -> list[_Row]:
    folder = corpus / provider
    options = folder / "options.json"
    configured = _object(read_user_file(options), str(options)) if options.exists() else {}
    rows = []
    for file in sorted(folder.glob("*-benign.txt")):
        part = file.name.removesuffix("-benign.txt")
        benign = _samples(file)
        hostile = _samples(folder / f"{part}-hostile.txt")
        rows.append((provider, part, len(benign), judge(_detector(provider, configured), benign, hostile)))
    return rows


def _samples(file: Path) -> list[Json]:
    try:
        return samples(read_user_file(file).decode())
    except (CorpusError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")


def _detector(provider: str, options: JsonObject) -> Detector:
    if provider not in LOCAL_PROVIDERS:
        fail(f"--provider: `{provider}` is not known; must be one of {_KNOWN}")
    try:
        return build_detector(provider, "options", options)
    except ManifestError as error:
        fail(*map(str, error.diagnostics))


def _object(text: str | bytes, name: str) -> JsonObject:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        fail(f"{name} must be a JSON object")
    return value


def _show(rows: list[_Row]) -> None:
    table = Table(box=None)
    for heading in ("provider", "part"):
        table.add_column(heading)
    for heading in ("benign", "hostile", "precision", "recall"):
        table.add_column(heading, justify="right")
    for provider, part, benign, judged in rows:
        hostile = judged.hostile_flagged + len(judged.missed)
        table.add_row(
            cell(provider),
            cell(part),
            str(benign),
            str(hostile),
            f"{judged.precision:.3f}",
            f"{judged.recall:.3f}",
        )
    show_table(table)


def _show_errors(rows: list[_Row]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for provider, part, _, judged in rows:
        for what, misjudged in (("missed", judged.missed), ("wrongly flagged", judged.wrongly_flagged)):
            for sample in misjudged:
                line = f"{provider} {part} {what}: {orjson.dumps(sample).decode()}"
                console.print(printable(line), markup=False)
