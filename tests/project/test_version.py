"""The version is that of `pyproject.toml`, wherever it stands."""

import json
import re
import tomllib
from collections.abc import Callable

import pytest
import yaml

import acs_sidecar
from tests.conftest import ROOT

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
HEADING = re.compile(r"^## \[?(\d+\.\d+\.\d+)\]? - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def text(path: str) -> str:
    """The text of a file of the project."""
    return (ROOT / path).read_text()


def tag(image: str) -> str:
    """The tag of a reference to this project's image."""
    name, _, tag = image.partition(":")
    assert name == "acs-sidecar"
    return tag


def dockerfile_label() -> str:
    """The default of the build argument that becomes the image's version label."""
    recipe = text("Dockerfile")
    assert 'org.opencontainers.image.version="${VERSION}"' in recipe
    default = re.search(r"^ARG VERSION=(.+)$", recipe, re.MULTILINE)
    assert default
    return default[1]


PLACES: dict[str, Callable[[], str]] = {
    "the package": lambda: acs_sidecar.__version__,
    "the OpenAPI document": lambda: str(json.loads(text("openapi/openapi.json"))["info"]["version"]),
    "the chart": lambda: str(yaml.safe_load(text("deploy/helm/acs-sidecar/Chart.yaml"))["version"]),
    "the chart's image": lambda: str(
        yaml.safe_load(text("deploy/helm/acs-sidecar/Chart.yaml"))["appVersion"]
    ),
    "the compose file": lambda: tag(yaml.safe_load(text("compose.yaml"))["services"]["acs-sidecar"]["image"]),
    "the image's label": dockerfile_label,
    "the shared deployment": lambda: image_tag("deploy/kubernetes/shared/kustomization.yaml"),
    "the sidecar": lambda: image_tag("deploy/kubernetes/sidecar/kustomization.yaml"),
}


def image_tag(path: str) -> str:
    """The tag that a kustomization sets for this project's image."""
    (image,) = yaml.safe_load(text(path))["images"]
    assert image["name"] == "acs-sidecar"
    return str(image["newTag"])


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_the_version_of_the_project(place: str) -> None:
    """A release that forgets one of them fails here."""
    assert PLACES[place]() == VERSION


def test_no_document_names_another_image() -> None:
    """Where documents and scripts name the image with a tag, it is this version's."""
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*")]
    tags = {
        f"{path.relative_to(ROOT)}: {tag}"
        for path in files
        if path.is_file()
        for tag in re.findall(r"\bacs-sidecar:(\d+\.\d+\.\d+)\b", path.read_text())
        if tag != VERSION
    }
    assert tags == set()


def test_the_changelog_has_dated_versions_down_from_this_one() -> None:
    """The newest dated section is this version's, and dates and versions only go down."""
    sections = HEADING.findall(text("CHANGELOG.md"))
    assert sections[0][0] == VERSION
    ordered = [([int(part) for part in version.split(".")], date) for version, date in sections]
    assert ordered == sorted(ordered, reverse=True)
    headings = re.findall(r"^## .+$", text("CHANGELOG.md"), re.MULTILINE)
    assert [heading for heading in headings if not HEADING.match(heading)] in ([], ["## Unreleased"])


def test_the_changelog_has_the_four_kinds_of_entries_alone() -> None:
    """Every entry is below Added, Changed, Fixed or Security."""
    for section in text("CHANGELOG.md").split("\n## ")[1:]:
        _, *groups = section.split("\n### ")
        names = [group.partition("\n")[0] for group in groups]
        assert names, section
        assert [name for name in ("Added", "Changed", "Fixed", "Security") if name in names] == names
