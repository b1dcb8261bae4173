"""Chromium, for a person who looks at the console."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["WIDTHS", "browser", "needs_chromium", "settled"]

WIDTHS = (360, 1024, 1600)
CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="chromium is not installed"
)
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def browser() -> Iterator[Any]:
    """Start a browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        try:
            yield chromium
        finally:
            chromium.close()


def settled(page: Any) -> None:
    """Wait until a page has its modules run and nothing under way."""
    page.wait_for_load_state("networkidle")
