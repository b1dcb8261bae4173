"""The pages for those who change the project name files that exist."""

import re

import pytest

from tests.conftest import ROOT

PAGES = ["CONTRIBUTING.md", "SECURITY.md", "docs/releasing.md"]
LINK = re.compile(r"\]\(([^)#:]+)\)")
TARGET = re.compile(r"`make ([a-z]+)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    """No link of a page is broken."""
    path = ROOT / page
    links = LINK.findall(path.read_text())
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_every_target_is_in_the_makefile(page: str) -> None:
    """What a page calls by `make` is there."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(TARGET.findall((ROOT / page).read_text())) <= set(targets)


def test_the_file_of_the_limits_is_two_clicks_from_the_readme() -> None:
    """README, CONTRIBUTING, `limits.py`."""
    assert "](CONTRIBUTING.md)" in (ROOT / "README.md").read_text()
    assert "](app/acs_sidecar/spec/limits.py)" in (ROOT / "CONTRIBUTING.md").read_text()
    assert "class Limits" in (ROOT / "app/acs_sidecar/spec/limits.py").read_text()
