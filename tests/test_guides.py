"""The guides name what is there: sections, alerts, readiness checks, documents, rooms, tests, modules, tables."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from docs.generate.pages import pages
from tests.conftest import ROOT, Start
from tests.test_probe import MANIFEST

TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z_0-9]+)`")
PACKAGE = ROOT / "app" / "acs_sidecar"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
REFERENCE = ROOT / "docs" / "reference"
NUMBER = r"\d+(?:\.\d+)*"
CITATION = re.compile(rf"\b[Ss]ections? ({NUMBER}(?:(?:, | and | or | to ){NUMBER})*)")
UNREADABLE_CITATION = re.compile(r"\b(?:[Cc]ontract|specification) \d")
CITING = ("app", "tests", "docs", "manifests", "deploy", "bench", "openapi")
TEXTS = {".py", ".md", ".yaml", ".yml", ".json", ".rego", ".cedar", ".cedarschema", ".sh", ".tpl"}


def test_every_promise_names_a_test() -> None:
    """Each row of the security model's promises names a test, and each test that it names is there."""
    text = (ROOT / "docs" / "security.md").read_text()
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        rows = section.split("| promise | by | shown by |\n")[1:]
        for row in "".join(rows).splitlines()[1:]:
            assert not row.startswith("|") or TEST.search(row), row
    named = TEST.findall(text)
    assert len(named) > 20
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


def test_every_alert_is_explained() -> None:
    """The operations guide says of each alert, and of no other, what to do first."""
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert set(re.findall(r"`(Acs[A-Za-z]+)`", OPERATIONS)) == alerts


def test_every_readiness_check_is_explained(start: Start, tmp_path: Path) -> None:
    """The operations guide has a row for each check of `/readyz`."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    _, body = start(ACS_MANIFESTS=str(tmp_path / "m.yaml")).get("/readyz")
    names = {check["name"] for check in body["checks"]}
    assert {"manifests", "audit"} <= names
    assert {name for name in names if f"| `{name}` | " not in OPERATIONS} == set()


def test_the_readme_leads_to_every_guide() -> None:
    """No document is left out of the index."""
    readme = (ROOT / "README.md").read_text()
    guides = {document.name for document in (ROOT / "docs").glob("*.md")}
    assert "architecture.md" in guides
    assert {guide for guide in guides if f"](docs/{guide})" not in readme} == set()


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    """Relative links in the documentation lead to what is there, an anchor to a heading."""
    broken = set()
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    for document in documents:
        for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            file, _, anchor = link.partition("#")
            target = (document.parent / file).resolve() if file else document
            if "://" in link or link.startswith("mailto:"):
                continue
            if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
                broken.add((str(document.relative_to(ROOT)), link))
    assert len(documents) > 30
    assert broken == set()


def anchors(document: str) -> set[str]:
    """The anchors of the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_architecture_has_a_row_for_each_room() -> None:
    """Every package and module at the top of the package is in the table, and nothing else."""
    rows = re.findall(r"^\| (`[^|]+) \|", ARCHITECTURE, re.MULTILINE)
    listed = re.findall(r"`([a-z_]+(?:/|\.py))`", "".join(rows))
    there = [path for path in PACKAGE.iterdir() if path.name[:1].isalpha() and path.name != "py.typed"]
    assert sorted(listed) == sorted(f"{path.name}/" if path.is_dir() else path.name for path in there)


def test_the_architecture_names_modules_that_exist() -> None:
    """What it calls by a path below the package is there, in the text and in the drawings."""
    named = set(re.findall(r"(?<![\w/.])([a-z]+/[a-z_]+)", ARCHITECTURE))
    assert len(named) > 15
    assert {
        name for name in named if not (PACKAGE / f"{name}.py").exists() and not (PACKAGE / name).is_dir()
    } == set()


def _is_sample(path: Path) -> bool:
    return "corpora" in path.parts or path.parent == ROOT / "tests" / "detectors"


@cache
def citing_texts() -> list[tuple[Path, str]]:
    """Every text that may cite a section; samples and corpora of the detectors mention other sections."""
    paths = [path for folder in CITING for path in sorted((ROOT / folder).rglob("*"))]
    texts = [path for path in paths if path.suffix in TEXTS and path.is_file() and not _is_sample(path)]
    return [(path, path.read_text()) for path in (*texts, *ROOT.glob("*.md"))]


def test_every_section_that_is_cited_is_a_heading_of_the_reference() -> None:
    """Citations have one form, and each number is that of a heading below docs/reference."""
    headings = {
        heading
        for page in REFERENCE.glob("*.md")
        for heading in re.findall(rf"^#+ ({NUMBER})\.? ", page.read_text(), re.MULTILINE)
    }
    cited = {
        (number, str(path.relative_to(ROOT)))
        for path, text in citing_texts()
        for numbers in CITATION.findall(text)
        for number in re.findall(NUMBER, numbers)
    }
    assert len(cited) > 300
    assert {(number, path) for number, path in cited if number not in headings} == set()


def test_no_citation_is_of_a_document_that_is_not_here() -> None:
    """Nothing cites by another word than `section`."""
    found = {
        (str(path.relative_to(ROOT)), found[0])
        for path, text in citing_texts()
        for found in UNREADABLE_CITATION.finditer(text)
    }
    assert found == set()


@pytest.mark.slow
def test_the_tables_of_the_reference_are_those_of_the_code() -> None:
    """What `make reference` would write is what is there."""
    stale = {name for name, text in pages().items() if (REFERENCE / name).read_text() != text}
    assert stale == set(), "run `make reference`"


def test_the_reference_has_an_index() -> None:
    """The index leads to each page of the reference, and the README to the index."""
    index = (REFERENCE / "README.md").read_text()
    pages = {page.name for page in REFERENCE.glob("*.md")} - {"README.md"}
    assert {"1-decision.md", "19-approvals.md"} < pages
    assert set(re.findall(r"\]\(([a-z0-9-]+\.md)\)", index)) == pages
    assert "](docs/reference/README.md)" in (ROOT / "README.md").read_text()
