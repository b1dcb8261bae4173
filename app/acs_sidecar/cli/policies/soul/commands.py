"""`acs-sidecar soul`: the group, and its commands about controls and files (section 11.6)."""

import hashlib
from pathlib import Path

import typer

from acs_sidecar.cli.output import OutputFormat, fail, print_json, say, wants_table
from acs_sidecar.cli.policies.soul.lint import lint
from acs_sidecar.cli.policies.soul.scan import scan
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.engines.adapters.soul.controls import Severity, Tier, domain_of
from acs_sidecar.engines.adapters.soul.detection.rules import rule_book
from acs_sidecar.engines.adapters.soul.texts import control_text, rule_in_words, template
from acs_sidecar.spec.values import Json

__all__ = ["soul"]

soul = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Governance files (`SOUL.md`) of the Agent Behavioral Governance Specification.",
)
soul.command()(scan)
soul.command()(lint)


@soul.command()
def explain(
    control: str = typer.Argument(metavar="CONTROL", help="`SOUL-XX-NNN`, or `XX-NNN`"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Print what a control asks for, how it is detected, a statement that counts, and one that does not."""
    wanted = f"SOUL-{control.upper().removeprefix('SOUL-')}"
    rule = next((each for each in rule_book().rules if each.control == wanted), None)
    if rule is None:
        fail(f"`{control}` is no control: `SOUL-TH-001` to `SOUL-HV-004`")
    texts = control_text(rule.control)
    tiers: list[Json] = [tier.value for tier in Tier if tier.includes(rule.tier)]
    shown: dict[str, Json] = {
        "control": rule.control,
        "name": rule.name,
        "domain": domain_of(rule.control).name,
        "severity": Severity(rule.severity).name.lower(),
        "tiers": tiers,
        "question": texts.question,
        "rule": [*rule_in_words(rule)],
        "counts": texts.declares,
        "counts_not": texts.declares_not,
    }
    if not wants_table(output):
        print_json(shown)
        return
    for name, value in shown.items():
        for item in value if isinstance(value, list) else [value]:
            say(f"{name.replace('_', ' '):<11} {item}")


@soul.command()
def init(
    tier: Tier = typer.Option(Tier.TOOL_USING, help="what the agent can do"),
    out: Path | None = typer.Option(None, help="file that is written; default: standard output"),
) -> None:
    """Print a governance file to fill in: a heading for each domain, a question for each control.

    As it is it declares nothing, and is too short to be measured.
    """
    text = template(tier)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        fail(f"{out} exists: remove it, or name another file")
    except OSError as error:
        fail(f"{out}: {error.strerror}")


@soul.command("hash")
def digest(file: Path = typer.Argument(help="governance file")) -> None:
    """Print the SHA-256 digest of a file's bytes, line ends and all, as `sha256:` and hex."""
    say(f"sha256:{hashlib.sha256(read_user_file(file)).hexdigest()}")
