"""`acs-sidecar oags conformance`: an implementation against the vectors, or a manifest against the levels."""

from enum import StrEnum
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from acs_sidecar.cli.output import OutputFormat, cell, fail, print_json, wants_table
from acs_sidecar.cli.policies.oags.implementation import ImplementationError, implementation
from acs_sidecar.cli.policies.oags.level_rows import Level, LevelRow, reached
from acs_sidecar.cli.policies.oags.levels import rows_of
from acs_sidecar.cli.policies.oags.vectors import PROFILES, Outcome, load_vectors, run_vectors

__all__ = ["conformance"]


class Profile(StrEnum):
    """The vectors that are run."""

    IDENTITY = "identity"
    POLICY = "policy"
    SIGNING = "signing"
    ALL = "all"


def conformance(
    manifest: Path | None = typer.Option(None, help="judge this manifest by the levels"),
    level: Level | None = typer.Option(None, help="level that a manifest must reach; default: L2"),
    key: list[str] = typer.Option(
        [], "--key", help="trusted key of the audit log, as for `audit verify`; default: the configured one"
    ),
    config: Path | None = typer.Option(
        None, "--config", help="YAML file of settings, as for `serve`; with --manifest"
    ),
    adapter: str | None = typer.Option(
        None, metavar="COMMAND", help="run the vectors against this command; default: this implementation"
    ),
    profile: Profile | None = typer.Option(None, help="vectors that are run; default: all"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Run the shipped vectors against an implementation, or judge a manifest by the levels L1, L2 and L3.

    An implementation is a command that speaks the protocol of `oags harness`. Exits 0 when all vectors pass,
    or the manifest reaches the level; 1 when not; 2 when it could not be checked.
    """
    if manifest is None:
        if level is not None or key or config is not None:
            fail("--level, --key and --config need --manifest")
        _judge_implementation(adapter, profile or Profile.ALL, output)
        return
    if adapter is not None or profile is not None:
        fail("--manifest cannot be combined with --adapter or --profile: run them one after the other")
    _judge_manifest(manifest, level or Level.L2, key, config, output)


def _judge_implementation(adapter: str | None, profile: Profile, output: OutputFormat) -> None:
    vectors = [
        vector for vector in load_vectors() if profile is Profile.ALL or vector.profile == profile.value
    ]
    try:
        with implementation(adapter) as ask:
            outcomes = run_vectors(vectors, ask, rules=adapter is None)
    except ImplementationError as error:
        fail(str(error))
    if wants_table(output):
        _show_outcomes(outcomes)
    else:
        print_json(_outcomes_json(adapter, outcomes))
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(1)


def _judge_manifest(
    manifest: Path, wanted: Level, keys: list[str], config: Path | None, output: OutputFormat
) -> None:
    rows = rows_of(manifest, keys, config)
    level = reached(rows)
    if wants_table(output):
        _show_rows(rows, level)
    else:
        print_json(
            {
                "manifest": str(manifest),
                "level": level.value if level else None,
                "rows": [row.as_json() for row in rows],
            }
        )
    if level is None or list(Level).index(level) < list(Level).index(wanted):
        raise typer.Exit(1)


def _show_outcomes(outcomes: list[Outcome]) -> None:
    table = Table(box=None)
    table.add_column("profile")
    table.add_column("passed", justify="right")
    table.add_column("failed", justify="right")
    for profile, (passed, failed) in _counts(outcomes).items():
        table.add_row(cell(profile), cell(passed), cell(failed, "bold red" if failed else ""))
    console = Console()
    console.print(table)
    for outcome in outcomes:
        if not outcome.passed:
            console.print(
                cell(f"{outcome.vector.id}: expected {outcome.expected}, answered {outcome.answered}")
            )


def _outcomes_json(adapter: str | None, outcomes: list[Outcome]) -> dict[str, object]:
    return {
        "adapter": adapter,
        "profiles": {
            profile: {"passed": passed, "failed": failed}
            for profile, (passed, failed) in _counts(outcomes).items()
        },
        "failures": [
            {"id": outcome.vector.id, "expected": outcome.expected, "answered": outcome.answered}
            for outcome in outcomes
            if not outcome.passed
        ],
    }


def _counts(outcomes: list[Outcome]) -> dict[str, tuple[int, int]]:
    counts = {}
    for profile in PROFILES:
        of_profile = [outcome.passed for outcome in outcomes if outcome.vector.profile == profile]
        if of_profile:
            counts[profile] = (sum(of_profile), len(of_profile) - sum(of_profile))
    return counts


def _show_rows(rows: list[LevelRow], level: Level | None) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for row in rows:
        word, style = ("met    ", "green") if row.met else ("missing", "bold red")
        console.print(cell(f"{row.level}  "), cell(word, style), cell(f"  {row.asks}: {row.detail}"), sep="")
    console.print(cell(f"level: {level.value if level else 'none'}"))
