"""`some x` behind a statement that may hold several times: `input.a[i]; some x; input.b[x]`.

This engine declares the variables anew each time, and fails the second time. They are declared before the
first statement of the body, and `true` takes the place of the `some`.
"""

from collections.abc import Iterable

from acs_sidecar.engines.rego.analysis.syntax import as_list, spanned
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import JsonObject

__all__ = ["declare_first"]


def declare_first(draft: Draft, declarations: Iterable[JsonObject]) -> None:
    """Put the `some` further down in a body before its first statement."""
    rewriter = draft.rewriter
    for declaration in declarations:
        names = ", ".join(spanned(span, rewriter.text) for span in as_list(declaration["vars"]))
        draft.before[:0] = [f"some {names}; "]
        start, end = rewriter.offsets(declaration)
        rewriter.replace((start, end), ["true", "\n" * rewriter.text.count(b"\n", start, end)])
