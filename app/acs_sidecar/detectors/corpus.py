"""Corpora: texts that a detector should flag, texts that it should not, and how often it is right."""

import base64
import codecs
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from acs_sidecar.detectors.findings import Detector
from acs_sidecar.spec.values import Json

__all__ = ["ENCODINGS", "CorpusError", "Judged", "judge", "samples"]

_LEET = str.maketrans("oieast", "013457")

ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64_twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "url": quote,
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "entities": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "escapes": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    "tags": lambda text: text.translate({code: 0xE0000 + code for code in range(0x20, 0x7F)}),
    "zero_width": "\u200b".join,
    "fullwidth": lambda text: text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
    "leet": lambda text: text.translate(_LEET),
    "spaced": " ".join,
}
"""Ways to write a text so that a reader who looks for its words does not find them, by name."""


class CorpusError(ValueError):
    """A line of a corpus that cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a detector made of a corpus: samples by what they are and whether they were flagged."""

    hostile_flagged: int
    benign_flagged: int
    missed: Sequence[Json]
    wrongly_flagged: Sequence[Json]

    @property
    def precision(self) -> float:
        """How many of the flagged samples are hostile."""
        return self.hostile_flagged / max(1, self.hostile_flagged + self.benign_flagged)

    @property
    def recall(self) -> float:
        """How many of the hostile samples are flagged."""
        return self.hostile_flagged / max(1, self.hostile_flagged + len(self.missed))


def samples(text: str) -> list[Json]:
    """Read a corpus: one sample a line, empty lines left out.

    A line is the sample itself, or an object that holds it: `text` (with escapes), `value` (any JSON),
    `parts` (joined, so that no file holds what looks like a secret), or `encoded` (name of an encoding
    and text) with `around` (text with `{}` for it). Raises `CorpusError`.
    """
    return [_sample(number, line) for number, line in enumerate(text.split("\n"), start=1) if line]


def judge(detector: Detector, benign: Sequence[Json], hostile: Sequence[Json]) -> Judged:
    """Run a detector over a corpus."""
    wrongly_flagged = [sample for sample in benign if detector(sample)["flagged"]]
    missed = [sample for sample in hostile if not detector(sample)["flagged"]]
    return Judged(len(hostile) - len(missed), len(wrongly_flagged), missed, wrongly_flagged)


def _sample(number: int, line: str) -> Json:
    if not line.startswith("{"):
        return line
    try:
        given = json.loads(line)
        if "parts" in given:
            return "".join(given["parts"])
        if "encoded" in given:
            encoding, text = given["encoded"]
            return str(given.get("around", "{}").replace("{}", ENCODINGS[encoding](text)))
        value: Json = given["text"] if "text" in given else given["value"]
    except (ValueError, KeyError, TypeError, AttributeError):
        known = ", ".join(f"`{name}`" for name in ENCODINGS)
        raise CorpusError(
            f"line {number} is not a sample: must be a string, or an object with `text`, `value`, `parts` or `encoded`;"
            f" encodings are {known}"
        ) from None
    return value
