"""A merged manifest as YAML, part by part with the file that each came from (sections 3.3, 15.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml
from yaml.emitter import ScalarAnalysis

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.values import JsonObject

__all__ = ["MergedPart", "merged_parts", "yaml_text"]

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class MergedPart:
    """Lines of the text, and the file or URL that they came from."""

    source: str
    text: str


def merged_parts(value: JsonObject, sources: Mapping[str, str]) -> list[MergedPart]:
    """Return the parts in order; `sources` gives where a member came from by its path."""
    parts: list[MergedPart] = []
    headings = ""
    for source, text in _lines(value, (), sources):
        if source is None:
            headings += text
        elif parts and parts[-1].source == source:
            parts[-1] = MergedPart(source, parts[-1].text + headings + text)
            headings = ""
        else:
            parts.append(MergedPart(source, headings + text))
            headings = ""
    return parts


def _lines(value: JsonObject, path: Members, sources: Mapping[str, str]) -> Iterator[tuple[str | None, str]]:
    """Yield the text of each member that has a source, and without one the names that stand above them."""
    for name, member in value.items():
        here = (*path, name)
        source = sources.get(member_path(here))
        if source is None and isinstance(member, dict) and member:
            yield None, _indented(yaml_text({name: None}).replace(" null", ""), len(path))
            yield from _lines(member, here, sources)
        else:
            yield source or "", _indented(yaml_text({name: member}), len(path))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, also those with tabs, which PyYAML would escape."""

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        """Return the styles in which a text can be written."""
        found = super().analyze_scalar(scalar.replace("\t", " ") if "\n" in scalar else scalar)
        found.scalar = scalar
        return found


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(value: JsonObject) -> str:
    """Write a value as YAML, texts of several lines as blocks."""
    return yaml.dump({**value}, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)


def _indented(text: str, levels: int) -> str:
    return "".join(f"{'  ' * levels}{line}" for line in text.splitlines(keepends=True))
