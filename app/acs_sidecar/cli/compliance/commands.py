"""`acs-sidecar compliance`: what the log and the manifests prove of a framework's controls (section 8.3)."""

import asyncio
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import assert_never

import orjson
import typer

from acs_sidecar.assurance.compliance.catalog import FRAMEWORKS
from acs_sidecar.assurance.compliance.checks import CHECKS
from acs_sidecar.assurance.compliance.declared import callers_result, doctor_result, image_result
from acs_sidecar.assurance.compliance.formats.oscal import oscal_results
from acs_sidecar.assurance.compliance.formats.text import report_markdown, report_text
from acs_sidecar.assurance.compliance.measured.checks import measured_results
from acs_sidecar.assurance.compliance.measured.observation import Observation
from acs_sidecar.assurance.compliance.measured.period import Period
from acs_sidecar.assurance.compliance.probes.checks import RedteamVerdict, probed_results
from acs_sidecar.assurance.compliance.report import ComplianceReport, below
from acs_sidecar.assurance.compliance.vocabulary import CheckResult, ControlStatus, EvidencePlace
from acs_sidecar.assurance.dsse import dsse_envelope
from acs_sidecar.assurance.registry import AgentRegistry
from acs_sidecar.audit.format.chain import audit_logs
from acs_sidecar.audit.format.findings import Report
from acs_sidecar.audit.format.receipt import Receipt, ReceiptError
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.format.verify import audit_log
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.query import logs_at
from acs_sidecar.audit.read.reader import AuditReader, NotInLogError
from acs_sidecar.audit.read.source import FileLogSource
from acs_sidecar.cli.compliance.inputs import (
    caller_scopes,
    chosen_framework,
    installed_packages,
    json_in,
    manifests_in_use,
    moment,
    probed,
    redteam_verdicts,
)
from acs_sidecar.cli.manifests import KnownManifest, manifest_versions
from acs_sidecar.cli.output import OutputFormat, fail, print_json, say, wants_table
from acs_sidecar.cli.registry import registry_in
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.verification import (
    anchors_of,
    refuse_unreadable,
    refuse_unsound,
    signing_key,
    trust_in,
    verification_progress,
)
from acs_sidecar.settings.tree import Loaded
from acs_sidecar.spec.printable import printable_json
from acs_sidecar.spec.values import Json

__all__ = ["compliance"]

compliance = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Evidence about the controls of a framework, from the signed log and the manifests.",
)


class ComplianceFormat(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    OSCAL = "oscal"


class LeastStatus(StrEnum):
    """The status that every assessed control must have."""

    MET = "met"
    PARTIAL = "partial"


_TYPES = {
    ComplianceFormat.TEXT: "text/plain",
    ComplianceFormat.JSON: "application/json",
    ComplianceFormat.MARKDOWN: "text/markdown",
    ComplianceFormat.OSCAL: "application/oscal+json",
}


@compliance.command()
def catalog(
    name: str | None = typer.Argument(None, help="a framework; default: list all"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """List the frameworks, or the controls of one with the checks that speak for each."""
    names = [name] if name else [*FRAMEWORKS]
    found = [chosen_framework(one) for one in names]
    if not wants_table(output):
        listed: list[Json] = [
            {
                "id": one.id,
                "title": one.title,
                "version": one.version,
                "controls": [
                    {"id": each.id, "title": each.title, "checks": [*each.checks], "ceiling": each.ceiling}
                    for each in one.controls
                ],
            }
            for one in found
        ]
        print_json(listed[0] if name else listed)
        return
    for one in found:
        say(f"{one.id}  {one.title} {one.version}, {len(one.controls)} controls")
        for each in one.controls if name else ():
            say(f"  {each.id:<13} {each.title}: {' '.join(each.checks) or 'no check'}")
    for check in CHECKS.values() if name else ():
        say(f"  {check.id:<4} {check.kind:<8} {check.title}: {check.query}")


@compliance.command()
def report(
    frameworks: list[str] = typer.Option(..., "--framework", help="framework or JSON file; repeatable"),
    start: str = typer.Option(..., "--from", metavar="TIME", help="beginning of the period, ISO 8601"),
    end: str = typer.Option(..., "--to", metavar="TIME", help="end of the period, ISO 8601"),
    directory: Path | None = typer.Option(
        None, "--audit", help="audit directory; default: the configured one"
    ),
    keys: list[str] = typer.Option(
        [], "--key", help="trusted key: verifier key or PEM file, optionally with `@DATE`; repeatable"
    ),
    anchors: list[Path] = typer.Option([], "--anchor", help="checkpoints stored elsewhere; repeatable"),
    manifests: list[Path] = typer.Option([], "--manifests", help="manifests in use, with cases; repeatable"),
    redteam: list[Path] = typer.Option([], "--redteam", help="JSON report of `redteam run`; repeatable"),
    registry: Path | None = typer.Option(None, help="registry of agents, as for `audit agents`"),
    sbom: Path | None = typer.Option(None, help="bill of materials of the image, CycloneDX JSON"),
    doctor: Path | None = typer.Option(None, help="output of `doctor --format json`"),
    tenant: str | None = typer.Option(None, help="only decisions of this tenant"),
    output: ComplianceFormat = typer.Option(ComplianceFormat.TEXT, "--format", help="output format"),
    sign: Path | None = typer.Option(None, help="PEM file of a key: wrap the report in a DSSE envelope"),
    least: LeastStatus | None = typer.Option(
        None, "--fail-under", help="exit 1 if an assessed control is below this status"
    ),
) -> None:
    """Report what the log and the manifests prove of the controls of a framework. The log is verified first.

    Exits 0, 1 when the log is unsound or a control is below --fail-under, 2 when it could not tell.

    Example: `acs-sidecar compliance report --framework owasp-asi --key audit.pub.pem --from 2026-01-01
    --to 2026-04-01`
    """
    chosen = [chosen_framework(name) for name in dict.fromkeys(frameworks)]
    ids = [one.id for one in chosen]
    if twice := next((one for number, one in enumerate(ids) if one in ids[:number]), None):
        fail(f"--framework: two have the id `{twice}`")
    period = Period(moment(start, "--from"), moment(end, "--to"), tenant)
    if period.start >= period.end:
        fail("--from must be before --to")
    trust = trust_in(keys)
    private = signing_key(sign, trust) if sign else None
    loaded = settings_from(None)
    settings = loaded.settings
    agents = registry_in(registry) if registry else None
    doctors, packages = json_in(doctor, "--doctor"), json_in(sbom, "--sbom")
    scopes = caller_scopes(settings.auth_tokens_file)
    verdicts = redteam_verdicts(redteam, period.end)
    known = manifest_versions(settings, manifests)
    seen = Observation(period)
    try:
        root, found = _verified(directory or settings.audit_dir, trust, anchors, seen)
        results = {
            **_manifest_results(seen, found, known if manifests else None, agents, verdicts),
            "S1": callers_result(stated=_says_who_listens(loaded), local=settings.local, scopes=scopes),
            "S2": doctor_result(doctors),
            "S3": image_result(packages, installed_packages() if packages else {}),
        }
        made = ComplianceReport.of(
            chosen, results, _period_json(period), _log_json(seen, found), partial(_receipt, root, trust)
        )
    except LogDamagedError as error:
        fail(f"{error}: the tiles of a log are a cache, delete its folder `tile`")
    except OSError as error:
        fail(f"{error.filename} cannot be read: {error.strerror}")
    content = _printed(made, output)
    if private:
        envelope = dsse_envelope(content, _TYPES[output], private)
        content = orjson.dumps(envelope, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    sys.stdout.write(content.decode())
    if least and below(made, ControlStatus(least.value)):
        raise typer.Exit(1)


def _says_who_listens(loaded: Loaded) -> bool:
    """True if a setting of a listener or of callers is there: the defaults of this machine say nothing."""
    return any(loaded.sources[name] != "default" for name in ("host", "uds", "auth_tokens_file"))


def _verified(place: Path, trust: Trust, anchor_files: list[Path], seen: Observation) -> tuple[Path, Report]:
    """Verify every log at a place and observe its records; end the command where one is unsound."""
    found = logs_at(place)
    if not found.logs:
        fail(f"no audit log exists at {place}")
    if not found.whole:
        fail(f"{place} is a part of an audit directory: name all of it, the period may have other logs")
    anchors, wrong = anchors_of(anchor_files, trust, [log.path for log in found.logs])
    sources = [FileLogSource(log) for log in found.logs]
    total = sum(log.published_size() for log in found.logs)
    audit_one = partial(audit_log, observe=seen.record)
    with verification_progress(total, True) as advance:
        report = audit_logs(sources, trust, anchors, found.whole, advance, audit_one=audit_one)
    report = Report(report.logs, (*report.findings, *wrong))
    refuse_unsound(report)
    if seen.unreadable:
        refuse_unreadable(seen.unreadable.log, seen.unreadable.index)
    return found.logs[0].root, report


def _manifest_results(
    seen: Observation,
    report: Report,
    known: dict[str, list[KnownManifest]] | None,
    registry: AgentRegistry | None,
    redteam: RedteamVerdict,
) -> dict[str, CheckResult]:
    """Measure, and probe the manifests that decided in the period."""
    bound = None if known is None else {one: tuple(each[0].compiled.points) for one, each in known.items()}
    measured = measured_results(seen, report, bound, registry.known if registry else None)
    at_hand, missing = manifests_in_use(seen, known or {})

    async def probe() -> dict[str, CheckResult]:
        ready = [await probed(one) for one in at_hand]
        return await probed_results(ready, redteam, missing)

    return {**measured, **asyncio.run(probe())}


def _receipt(root: Path, trust: Trust, place: EvidencePlace) -> Receipt:
    try:
        receipt = AuditReader(root).receipt(place.log, place.index)
        receipt.verify(trust)
    except NotInLogError:
        fail(f"the published checkpoint of {place.log} does not cover record {place.index} yet: try again")
    except ReceiptError as error:
        fail(f"record {place.index} of {place.log}: {error}", code=1)
    return receipt


def _period_json(period: Period) -> dict[str, Json]:
    return {"from": period.start, "to": period.end, "tenant": period.tenant}


def _log_json(seen: Observation, report: Report) -> dict[str, Json]:
    return {
        "logs": len(report.logs),
        "records": sum(log.size for log in report.logs.values()),
        "records_in_period": seen.records.count,
        "decisions": seen.decisions.count,
        "by_decision": {name: seen.decided[name] for name in sorted(seen.decided)},
        "not_enforced": seen.not_enforced.count,
        "unsigned_bytes": sum(log.pending_bytes for log in report.logs.values()),
        "anchored": report.anchored,
        "clock_went_back": sum(log.time_backward is not None for log in report.logs.values()),
    }


def _printed(report: ComplianceReport, output: ComplianceFormat) -> bytes:
    match output:
        case ComplianceFormat.TEXT:
            return report_text(report).encode()
        case ComplianceFormat.JSON:
            return _json(report.as_json())
        case ComplianceFormat.MARKDOWN:
            return report_markdown(report).encode()
        case ComplianceFormat.OSCAL:
            return _json(oscal_results(report))
        case _:
            assert_never(output)


def _json(value: dict[str, Json]) -> bytes:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    return printable_json(text).encode()
