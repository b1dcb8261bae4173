"""Text of a 0.3 manifest, its policies and its cases, as 0.4 writes them (section 6.2)."""

import re
from collections.abc import Iterator

from acs_sidecar.spec.dialects.versions import VERSION

__all__ = ["migrated_text", "unmigrated_lines"]

_NEWER = '"0.4.0-alpha.1"'
_VERSION = re.compile(rf"""({VERSION}["']?\s*:\s*)(["']?)[^"'\s,}}#]+\2""")
# Paths of annotations and of transforms, in YAML and JSON, in Rego, and escaped in the advice of Cedar.
_ROOT = re.compile(r"""(\b(?:from|path)[\\"']*\s*:\s*[\\"']*)\$policy_target(?![A-Za-z0-9_])""")
# Values of a manifest that are a path: those that adapters read.
_VALUE = re.compile(r"""([:,\[{-]\s*["']?)\$policy_target(?=["'.\[\s,}\]]|$)""")
_BY_HAND = (
    (
        re.compile(r"\$policy_target(?![A-Za-z0-9_])"),
        "`$policy_target` is left: write `$target` where it is a path",
    ),
    (
        re.compile(r"""["']approvers\\?["']\s*:"""),
        "`approvers` is left: an escalation names them in `approval`, beside `evidence`",
    ),
    (
        re.compile(r"""["']approval\\?["']\s*:"""),
        "`approval` is left: from 0.4 on a deny with it can be lifted by an approval",
    ),
)


def migrated_text(text: str) -> str:
    """Return a text with the version and the root of 0.4; comments and layout stay.

    In a manifest, which names its version, every value that is a path is rewritten.
    """
    newer, versions = _VERSION.subn(rf"\g<1>{_NEWER}", text)
    newer = _ROOT.sub(r"\1$target", newer)
    return _VALUE.sub(r"\1$target", newer) if versions else newer


def unmigrated_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number of each line of a policy that somebody must look at, and what is there to do."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, advice in _BY_HAND:
            if pattern.search(line):
                yield number, advice
