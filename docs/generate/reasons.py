"""The page of the reserved reasons (section 1.12)."""

from acs_sidecar.spec.reasons import RUNTIME_ERROR_PREFIX, Reason
from acs_sidecar.spec.remedies import REMEDIES
from docs.generate.markdown import code, paragraphs, table
from docs.generate.texts import load_texts, require_entries, require_same

__all__ = ["page"]

_TEXTS = "reasons.yaml"


def page() -> str:
    """Return the page of every reserved reason."""
    texts = load_texts(_TEXTS)
    require_same(_TEXTS, texts, (reason.removeprefix(RUNTIME_ERROR_PREFIX) for reason in Reason))
    require_entries(_TEXTS, texts, "when")
    rows = []
    for reason in Reason:
        text = texts[reason.removeprefix(RUNTIME_ERROR_PREFIX)]
        rows.append((code(reason), text["when"], reason.message, REMEDIES[reason]))
    return paragraphs(
        "# Reserved reasons",
        "A failure is a deny with one of these reasons and its fixed message (section 1.12). A policy that gives one is invalid. "
        "`detail` of the response says more.",
        table(("reason", "when", "message", "what to do"), rows),
    )
