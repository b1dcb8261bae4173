"""The page of the diagnostic codes (section 3.4)."""

from docs.generate.emitted import diagnostic_codes
from docs.generate.markdown import code, paragraphs, table
from docs.generate.texts import load_texts, require_entries, require_same

__all__ = ["page"]

_TEXTS = "diagnostics.yaml"


def page() -> str:
    """Return the page of every code, in groups."""
    groups = load_texts(_TEXTS)
    require_same(_TEXTS, (name for group in groups.values() for name in group), diagnostic_codes())
    for group in groups.values():
        require_entries(_TEXTS, group, "what", "mend")
    parts = [
        "# Diagnostic codes",
        "`acs-sidecar validate`, `POST /v1/manifests:validate` and a start that fails name each finding by one of these codes, with "
        "the path of the member, the file, line and column where they are known, and a message (section 1.3). Codes are stable; "
        "messages are not. In SARIF the code is the rule. A finding under *Warnings* leaves the manifest valid; every other one is an "
        "error.",
    ]
    for title, group in groups.items():
        rows = [(code(name), text["what"], text["mend"]) for name, text in group.items()]
        parts += [f"## {title}", table(("code", "what is wrong", "what mends it"), rows)]
    return paragraphs(*parts)
