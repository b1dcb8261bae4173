"""Text of a 0.3 manifest, its policies and its cases, as 0.4 writes them (section 6.2)."""

import re
from collections.abc import Iterator

from acs_sidecar.spec.dialects.versions import VERSION

__all__ = ["migrated_text", "unmigrated_lines"]

_NEWER = '"0.4.0-alpha.1"'
_VERSION = re.compile(rf"""({VERSION}["']?\s*:\s*)(["']?)[^"'\s,}}#]+\2""")
# Paths of annotations and of transforms, in YAML and JSON, in Rego, and escaped in the advice of Cedar.
_ROOT = re.compile(r"""(\b(?:from|path)[\\"']*\s*:\s*[\\"']*)\$policy_target(?![A-Za-z0-9_])""")
_MENTION = re.compile(r"\$policy_target(?![A-Za-z0-9_])")


def migrated_text(text: str) -> str:
    """Return a text with the version and the root of 0.4; comments and layout stay."""
    return _ROOT.sub(r"\1$target", _VERSION.sub(rf"\g<1>{_NEWER}", text))


def unmigrated_lines(text: str) -> Iterator[int]:
    """Yield the number of each line in which a root of 0.3 stands that is not known to be a path."""
    for number, line in enumerate(text.splitlines(), 1):
        if _MENTION.search(line):
            yield number
