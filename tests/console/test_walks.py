"""What somebody who was never there can do in a minute, from the first page, step by step (section 15.2)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.console.browser import browser, needs_chromium, settled
from tests.console.examples import let_in, running_examples
from tests.console.logs import VKEY
from tests.console.running import Console

pytestmark = [pytest.mark.server, pytest.mark.slow, needs_chromium]
REFUND = "a refund over the limit asks a person"


@dataclass
class Walk:
    """A person who begins on the first page; each click, choice and text is a step of some seconds."""

    page: Any
    steps: list[str] = field(default_factory=list)

    def click(self, selector: str) -> None:
        """Click what is seen."""
        self.page.locator(selector).locator("visible=true").first.click()
        self._taken(f"click {selector}")

    def choose(self, selector: str, label: str) -> None:
        """Choose from a list that leads to another page."""
        with self.page.expect_navigation():
            self.page.select_option(selector, label=label)
        self._taken(f"choose {label}")

    def write(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.page.fill(selector, text)
        self._taken(f"write into {selector}")

    def ends(self, steps: int) -> None:
        """Fail unless it took so many steps."""
        assert len(self.steps) == steps, self.steps

    def _taken(self, step: str) -> None:
        self.steps.append(step)
        settled(self.page)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on the example manifests."""
    with running_examples(tmp_path_factory.mktemp("console")) as console:
        yield console


@pytest.fixture
def walk(console: Console) -> Iterator[Walk]:
    """A person on the first page, in a browser of their own."""
    with browser() as chromium, let_in(chromium, console, 1280, 900) as page:
        page.goto(f"{console.address.partition('/enter')[0]}/")
        settled(page)
        yield Walk(page)


def test_the_last_denial_is_found_and_says_why(walk: Walk) -> None:
    """The denials, and the newest of them: its reason, its policy and the manifest that it came from."""
    walk.click("th a:has-text('deny')")
    walk.click("#decisions tbody a")
    assert walk.page.inner_text("h1").split() == ["✕", "deny", "amount_over_limit"]
    facts = walk.page.inner_text(".facts")
    assert all(word in facts for word in ("pre_tool_call", "refund", "support-agent, this very version"))
    walk.ends(steps=2)


def test_a_rule_of_a_loaded_manifest_is_changed_and_the_verdict_changes(walk: Walk) -> None:
    """In a copy that stands alone, by what the rule reads."""
    walk.click("nav >> text=Playground")
    walk.choose("select[name=name]", "support-agent")
    walk.choose("#case", REFUND)
    walk.page.wait_for_selector("#result h2:has-text('escalate')")
    walk.click("text=edit a copy")
    walk.page.wait_for_selector("#result h2:has-text('escalate')")
    text = walk.page.input_value("textarea[name=text]")
    assert "alone: 100\n" in text
    walk.write("textarea[name=text]", text.replace("alone: 100\n", "alone: 101\n"))
    walk.page.wait_for_selector("#result h2:has-text('allow')")
    walk.ends(steps=5)


def test_a_record_is_verified_against_a_key_that_came_another_way(walk: Walk) -> None:
    """Decisions, the record, the key, the button."""
    walk.click("nav >> text=Decisions")
    walk.click("#decisions tbody a")
    walk.write("#key", VKEY)
    walk.click("#check")
    walk.page.wait_for_selector("#steps >> text=Verified: this record is in the log that the key signed.")
    assert walk.page.locator("#steps .holds").count() == 7
    assert walk.page.locator("#steps .fails").count() == 0
    walk.ends(steps=4)
