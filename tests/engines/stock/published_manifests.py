"""The manifests that the Agent Governance Toolkit publishes, and the library that they use, loaded as they are.

`python -m tests.engines.stock.published_manifests FOLDER`: FOLDER is a checkout of the toolkit. No policy of a manifest
may be refused; what else is wrong with some of them, an annotator without a provider say, is counted by its code.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml
from typer.testing import CliRunner

from acs_sidecar.cli import cli
from acs_sidecar.spec.values import Json

__all__ = ["manifests", "needs_rewriting", "refusals"]

_VERSION = re.compile(r"^agent_control_specification_version:", re.MULTILINE)
_IMPORT = re.compile(r"^import data(?:\.\w+)*\.(\w+)(?: as (\w+))?$", re.MULTILINE)
_RULE = re.compile(r"^[a-z]\w*.*(?:\bif\b|:=|\{)", re.MULTILINE)
_OF_POLICIES = ("rego-", "cedar-", "source-", "bundle-", "stock-", "library-")


def manifests(checkout: Path) -> list[Path]:
    """Return every manifest below a folder."""
    files = sorted(file for suffix in ("yaml", "yml") for file in checkout.rglob(f"*.{suffix}"))
    return [file for file in files if _VERSION.search(file.read_text(errors="replace"))]


def refusals(file: Path, checkout: Path) -> set[str]:
    """Return the codes of the errors of a manifest, whose policies may lie anywhere in the checkout."""
    settings = {"ACS_POLICY_ROOTS": str(checkout)}
    printed = CliRunner().invoke(cli, ["validate", str(file), "--format", "json"], env=settings).stdout
    return {one["code"] for one in json.loads(printed)[0]["diagnostics"] if one["severity"] == "error"}


def needs_rewriting(file: Path) -> bool:
    """True if a Rego file that a manifest names calls a function through an import, or imports behind a rule."""
    document = yaml.safe_load(file.read_text())
    named = (file.parent / text for text in _texts(document.get("policies")) if len(text) < 256)
    sources = [source for path in named for source in (path.rglob("*.rego") if path.is_dir() else [path])]
    return any(
        source.suffix == ".rego" and source.is_file() and _is_unread(source.read_text()) for source in sources
    )


def _is_unread(text: str) -> bool:
    first = _RULE.search(text)
    return any(
        (first and found.start() > first.start()) or re.search(rf"\b{found[2] or found[1]}\.\w+\(", text)
        for found in _IMPORT.finditer(text)
    )


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


def main() -> int:
    """Print how many are valid, how many of those need Rego to be rewritten, and the others by their codes."""
    checkout = Path(sys.argv[1]).resolve()
    found = {file: refusals(file, checkout) for file in manifests(checkout)}
    valid = [file for file, codes in found.items() if not codes]
    rewritten = sum(map(needs_rewriting, valid))
    others = Counter(", ".join(sorted(codes)) for codes in found.values() if codes)
    wrong = [
        (file, codes) for file, codes in found.items() if any(code.startswith(_OF_POLICIES) for code in codes)
    ]
    for file, codes in wrong:
        sys.stdout.write(f"{file.relative_to(checkout)}: {', '.join(sorted(codes))}\n")
    sys.stdout.write(
        f"{len(found)} manifests, {len(valid)} valid, {rewritten} of them by rewriting, "
        f"{len(wrong)} with a policy that is refused; others: {dict(others.most_common())}\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
