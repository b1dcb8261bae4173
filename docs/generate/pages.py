"""Every generated page of the reference by its file name."""

from pathlib import Path

from docs.generate import diagnostics, members, python_client, reasons, routes, settings, telemetry

__all__ = ["REFERENCE", "pages"]

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
_HEAD = "<!-- Written by `make reference` from the code; change it there. -->\n\n"
_PAGES = {
    "diagnostics.md": diagnostics.page,
    "limits.md": settings.limits_page,
    "members.md": members.page,
    "python-client.md": python_client.page,
    "reasons.md": reasons.page,
    "routes.md": routes.page,
    "settings.md": settings.settings_page,
    "telemetry.md": telemetry.page,
}


def pages() -> dict[str, str]:
    """Return the text of each page. Raises `TextsError` where a table has no text for what the code has."""
    return {name: _HEAD + page().rstrip() + "\n" for name, page in _PAGES.items()}
