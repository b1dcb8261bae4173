"""The guard against a shell: where a word means a governance file there, it names one here (section 11.7)."""

import os
import shlex
import subprocess
from pathlib import Path
from random import Random

import pytest

from acs_sidecar.engines.adapters.soul.files import GUARDED_FILES
from acs_sidecar.engines.adapters.soul.guard.names import GuardedNames

pytestmark = pytest.mark.server

_SPELLINGS = (
    "*", "?", "[{0}]", "[!q]", "[a-zA-Z.]", "[[:alpha:]]", "[{0},]", "[={0}]", "{{{0},z}}", "{{x,{0}}}", "\\{0}", "'{0}'", '"{0}"',
    "$'{0}'", '$"{0}"', "\\\n{0}", "$'\\u{1:04x}'", "$'\\U{1:08x}'", "$'\\x{1:02x}'", "$'\\{1:03o}'",
)  # fmt: skip
_BEFORE = ("", "", "./", "src/../", "{.,src}/../", "{./,src/}")
_BEHIND = ("", "", "/", "/.", ",")


def _spelt(name: str, random: Random) -> str:
    """A name with some of its characters written in another way, and some of it in braces."""
    characters = list(name)
    for place in random.sample(range(len(name)), k=random.randrange(4)):
        if name[place] != "/":
            characters[place] = random.choice(_SPELLINGS).format(name[place], ord(name[place]))
    if random.random() < 0.4:
        first, last = sorted(random.sample(range(len(name) + 1), 2))
        characters.insert(last, random.choice(["}", ",q}", ",x/y}"]))
        characters.insert(first, random.choice(["{", "{zz,", "{a,b,"]))
    return random.choice(_BEFORE) + "".join(characters) + random.choice(_BEHIND)


def _read_by_a_shell(words: list[str], folder: Path) -> list[list[str]]:
    """What each word becomes in a folder."""
    script = "shopt -s nullglob\n" + "".join(
        f"set --; eval {shlex.quote(f'set -- {word}')} 2>/dev/null; printf '%s\\0' \"$@\"; printf '\\n'\n"
        for word in words
    )
    done = subprocess.run(
        ["/bin/bash", "-s"], input=script, cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return [[each for each in line.split("\0") if each] for line in done.stdout.splitlines()]


def test_what_a_shell_expands_to_a_governance_file(tmp_path: Path) -> None:
    """Each of 3,000 words with patterns, classes, braces, quotes and steps up that a shell reads as a guarded file."""
    for name in (*GUARDED_FILES, "README.md", "src/main.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    random = Random(11)  # noqa: S311  # words from a seed
    words = [_spelt(random.choice(GUARDED_FILES), random) for _ in range(3_000)]
    read = _read_by_a_shell(words, tmp_path)
    assert len(read) == len(words)
    meant = [
        word
        for word, files in zip(words, read, strict=True)
        if any(os.path.normpath(file) in GUARDED_FILES for file in files)
    ]
    assert len(meant) > 1_500
    guarded = GuardedNames.of(GUARDED_FILES)
    assert [word for word in meant if not guarded.are_in(f"cat {word}")] == []
