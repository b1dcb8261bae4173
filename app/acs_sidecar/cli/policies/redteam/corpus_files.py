"""Corpora out of folders that somebody names (section 8.4)."""

import stat
from pathlib import Path

from acs_sidecar.assurance.redteam.builtin import built_in_corpus
from acs_sidecar.assurance.redteam.corpus import AttackCorpusError, Corpus
from acs_sidecar.cli.output import fail
from acs_sidecar.cli.user_files import read_user_file

__all__ = ["read_corpora"]

_MAX_FILES = 256
_SHOWN = 20


def read_corpora(folders: list[Path], built_in: bool) -> list[Corpus]:
    """Read the built-in corpus, if it is wanted, and those of folders; end the command if one is wrong."""
    corpora = [built_in_corpus()] if built_in else []
    for folder in folders:
        try:
            corpora.append(Corpus.of(folder.resolve().name, _files(folder)))
        except AttackCorpusError as error:
            more = len(error.findings) - _SHOWN
            fail(*error.findings[:_SHOWN], *([f"{more} more findings in {folder}"] if more > 0 else []))
    if not corpora:
        fail("no corpus: name one with --corpus")
    _refuse_same_ids(corpora)
    return corpora


def _files(folder: Path) -> dict[str, bytes]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(".jsonl"))
    except OSError as error:
        fail(f"--corpus {folder}: {error.strerror}")
    if not paths:
        fail(f"--corpus {folder}: holds no file `*.jsonl`")
    if len(paths) > _MAX_FILES:
        fail(f"--corpus {folder}: exceeds {_MAX_FILES} files")
    return {str(path): _content(path) for path in paths}


def _content(path: Path) -> bytes:
    """Read a regular file: a link may lead anywhere, and a pipe has no end."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            fail(f"{path}: must be a regular file, not a link, a folder or a device")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    return read_user_file(path)


def _refuse_same_ids(corpora: list[Corpus]) -> None:
    first: dict[str, str] = {}
    for corpus in corpora:
        for entry in corpus.entries:
            if entry.id in first:
                fail(f"{corpus.name}: `id`: `{entry.id}` is already used by the corpus {first[entry.id]}")
            first[entry.id] = corpus.name
