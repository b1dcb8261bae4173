"""A copy of a manifest in the playground stands alone and decides as the manifest does (section 15.2)."""

import html
import json
import re

import pytest

from tests.conftest import ROOT
from tests.console.in_process import Pages, pages_of

MANIFESTS = ROOT / "manifests"
WHOLE = (
    "coding-agent",
    "grounded-agent",
    "information-flow",
    "layered-agent",
    "payments-agent",
    "release-agent",
    "screened-agent",
    "support-agent",
    "test-double",
    "travel-agent",
)
CASES = 4


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The pages that show the example manifests."""
    return pages_of(tmp_path_factory.mktemp("audit"), MANIFESTS)


def field(page: str, name: str) -> str:
    """Return what a text of the form holds."""
    found = re.search(rf'<textarea name="{name}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found
    return html.unescape(found[1])


def selected(page: str, name: str) -> str:
    """Return what is chosen from a list of the form."""
    found = re.search(rf'<select name="{name}">.*?selected>([^<]*)<', page, re.DOTALL)
    return found[1] if found else ""


def verdict(pages: Pages, page: str, **chosen: str) -> str:
    """Return the heading that the trial on a page is answered with."""
    members = {"name": "", "text": "", "mode": "enforce", "point": selected(page, "point"), **chosen}
    members |= {name: field(page, name) for name in ("snapshot", "annotations")}
    status, answer = pages.ask("/playground/evaluate", "POST", json.dumps(members).encode())
    assert status == 200
    found = re.search("<h2>(.*?)</h2>", json.loads(answer)["html"])
    assert found
    return found[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_a_copy_decides_as_the_manifest_does(pages: Pages, name: str) -> None:
    """Although the sandbox that it is tried in reads no file."""
    for number in range(CASES):
        loaded = pages.page(f"/playground?manifest={name}&case={number}")
        copy = pages.page(f"/playground?manifest={name}&case={number}&copy=1")
        assert f'value="{name}" selected' in loaded
        assert f'value="{name}" selected' not in copy
        assert " readonly" not in copy
        decided = verdict(pages, copy, text=field(copy, "text"))
        assert "decision" in decided
        assert decided == verdict(pages, loaded, name=name)


def test_a_copy_has_the_rules_as_they_were_written(pages: Pages) -> None:
    """Line by line, with their comments and tabs, so that one of them can be changed."""
    text = field(pages.page("/playground?manifest=support-agent&copy=1"), "text")
    lines = (MANIFESTS / "support-agent/policies/refund.rego").read_text().splitlines()
    assert "\n".join(f"        {line}" if line else "" for line in lines) in text


def test_a_copy_that_needs_a_file_says_which(pages: Pages) -> None:
    """Where the content of a file has no place in a manifest."""
    page = pages.page("/playground?manifest=workspace-agent&copy=1")
    assert verdict(pages, page, text=field(page, "text")) == "The manifest is invalid"


def test_a_manifest_without_files_is_copied_as_it_is(pages: Pages) -> None:
    """With its comments."""
    text = field(pages.page("/playground?manifest=test-double&copy=1"), "text")
    assert text == (MANIFESTS / "test-double/manifest.yaml").read_text()


def test_a_copy_of_what_is_not_loaded_is_the_example(pages: Pages) -> None:
    """As the page without a manifest."""
    text = field(pages.page("/playground?manifest=nobody&copy=1"), "text")
    assert text == field(pages.page("/playground"), "text")
