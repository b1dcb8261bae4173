"""The corpora of attacks: the built-in one, and what is wrong with others (section 8.4)."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz.fuzz import ratio

from acs_sidecar.assurance.redteam.builtin import built_in_corpus
from acs_sidecar.assurance.redteam.corpus import MAX_LINE_BYTES, TECHNIQUES, CorpusEntry, Expectation
from acs_sidecar.assurance.redteam.mutations import ALL_MUTATIONS, PLAIN, mutated
from acs_sidecar.detectors.corpus import ENCODINGS
from tests.assurance.redteam_manifests import ALLOW_ALL, attack, entry, write_corpus, write_manifest

ENTRIES = built_in_corpus().entries
ATTACKS = [each for each in ENTRIES if each.expect is Expectation.STOP]
TWINS = [each for each in ENTRIES if each.expect is Expectation.PASS]
LANGUAGES = {"en", "de", "fr", "es", "pt", "ru", "zh", "ja", "ar", "hi"}
PLAYBOOKS = {
    "owasp-prompt-injection": ("direct-override", "encoded-injection", "delimiter-break"),
    "owasp-privilege-escalation": ("role-play-jailbreak", "policy-manipulation", "credential-theft"),
    "data-exfiltration-campaign": ("pii-extraction", "secret-extraction", "bulk-data-dump"),
    "tool-chain-abuse": ("shell-exec-abuse", "file-write-abuse"),
    "multi-agent-collusion": ("identity-spoofing", "coordinated-bypass"),
}


def test_it_has_four_hundred_attacks_and_as_many_twins() -> None:
    """Twenty techniques in ten languages each, a fifth held out, and a harmless twin for every attack."""
    assert len(ATTACKS) >= 400
    assert len(TWINS) >= 400
    assert set(Counter(each.technique for each in ATTACKS)) == set(TECHNIQUES)
    assert len(TECHNIQUES) == 20
    for technique in TECHNIQUES:
        attacks = [each for each in ATTACKS if each.technique == technique]
        assert len(attacks) >= 20, technique
        assert {each.language for each in attacks} >= LANGUAGES, technique
        assert 3 <= sum(each.held_out for each in attacks) <= 7, technique
    assert Counter(each.twin for each in TWINS) == Counter(each.id for each in ATTACKS)


def test_the_playbooks_of_the_toolkit_are_among_them() -> None:
    """Five playbooks, thirteen steps, each an identifier."""
    steps = {f"{playbook}:{step}" for playbook, listed in PLAYBOOKS.items() for step in listed}
    assert len(steps) == 13
    assert steps <= {each.id for each in ATTACKS}


def test_no_two_texts_are_alike() -> None:
    """Neither two attacks nor two harmless texts of a language are one text with words swapped."""
    for entries in (ATTACKS, TWINS):
        by_language: dict[str | None, list[CorpusEntry]] = {}
        for each in entries:
            by_language.setdefault(each.language, []).append(each)
        for listed in by_language.values():
            for index, one in enumerate(listed):
                for other in listed[:index]:
                    alike = ratio(one.payload or "", other.payload or "")
                    assert alike < 75 or one.technique in {"shell", "file_access"}, (one.id, other.id)


def test_an_attack_is_written_in_encodings_that_change_it() -> None:
    """Three of fourteen by a hash of the identifier, each another text, the same each time."""
    assert len(ENCODINGS) == ALL_MUTATIONS == 14
    chosen: Counter[str] = Counter()
    for each in ATTACKS:
        written = list(mutated(each.id, each.payload or "", 3))
        assert written == list(mutated(each.id, each.payload or "", 3))
        assert written[0][0] == PLAIN
        assert len({text for _, text in written}) == 4
        chosen.update(name for name, _ in written[1:])
    assert set(chosen) == set(ENCODINGS)
    assert {name for name, _ in mutated("a", "汉", 14)} == {
        PLAIN, *(name for name, encode in ENCODINGS.items() if encode("汉") != "汉"),
    }  # fmt: skip


@pytest.mark.parametrize("payload", ["\U00030000", "\U0010ffff", "a\x00b\x1b[2J", "\u202e", "=\u0130\ufdfa"])
def test_any_text_can_be_written_in_every_encoding(payload: str) -> None:
    """The last code points, control characters and marks of direction included."""
    assert len(list(mutated("a", payload, ALL_MUTATIONS))) > ALL_MUTATIONS // 2


GOOD = entry("a", "x")
WRONG: list[tuple[Any, str]] = [
    ("{", "is not valid JSON: column 2"),
    ("[]", "is not a JSON object"),
    ('{"id": "a", "id": "b"}', "an object has a member twice"),
    ('{"id": "\\ud800"}', "is not valid JSON"),
    ("x" * (MAX_LINE_BYTES + 1), "exceeds 65536 bytes"),
    (GOOD | {"expects": "stop"}, "`expects`: unknown member, did you mean `expect`?"),
    ({name: value for name, value in GOOD.items() if name != "id"}, "`id` is missing"),
    (GOOD | {"id": "a b"}, "`id` must be a string of the form"),
    (GOOD | {"id": 5}, "`id` must be a string of the form"),
    (GOOD | {"technique": "Shell"}, "`technique` must be a string of the form"),
    (GOOD | {"owasp": []}, "`owasp` must be a list of `ASI01` to `ASI10`"),
    (GOOD | {"owasp": ["ASI11"]}, "`owasp` must be a list of `ASI01` to `ASI10`"),
    (GOOD | {"points": ["input", "input"]}, "`points` must be a list of intervention points"),
    (GOOD | {"points": [{}]}, "`points` must be a list of intervention points"),
    (GOOD | {"expect": "deny"}, "`expect` must be `stop` or `pass`"),
    (GOOD | {"expect": ["stop"]}, "`expect` must be `stop` or `pass`"),
    (GOOD | {"payload": " "}, "`payload` must be a non-blank string"),
    (GOOD | {"language": "english"}, "`language` must be a string of the form"),
    (GOOD | {"snapshot": {}}, "must have either `payload` or `snapshot`"),
    (entry("a"), "must have either `payload` or `snapshot`"),
    (entry("a", snapshot=[], points=["input"]), "`snapshot` must be an object"),
    (entry("a", snapshot={}), "`points` is missing: a snapshot is that of certain intervention points"),
    (
        entry("a", snapshot={"a": json.loads("[" * 40 + "]" * 40)}, points=["input"]),
        "`snapshot` is nested more than 32 levels deep",
    ),
    (GOOD | {"twin": "b"}, "`twin`: no entry has the id `b`"),
    (GOOD | {"twin": "good"}, "`twin`: `good` has the same `expect`"),
    (entry("good", "x"), "`id`: `good` is already used at"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_a_wrong_entry_is_named_with_its_line(tmp_path: Path, line: Any, message: str) -> None:
    """Exit 2 with the file, the line and the member; nothing is run."""
    manifest = write_manifest(tmp_path / "m", ALLOW_ALL)
    corpus = write_corpus(tmp_path / "c", entry("good", "fine"), "", line)
    done = attack(manifest, "--corpus", corpus)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"attacks.jsonl:3: {message}" in done.stderr


def test_every_wrong_line_is_told_up_to_twenty(tmp_path: Path) -> None:
    """What is more is counted."""
    manifest = write_manifest(tmp_path / "m", ALLOW_ALL)
    done = attack(manifest, "--corpus", write_corpus(tmp_path / "c", *["{"] * 25))
    assert done.stderr.count("is not valid JSON") == 20
    assert "5 more findings in" in done.stderr


def test_a_folder_is_read_as_it_stands(tmp_path: Path) -> None:
    """No link, pipe or folder is read, no empty corpus counts as one, and no identifier is used twice."""
    manifest = write_manifest(tmp_path / "m", ALLOW_ALL)
    (tmp_path / "secret.jsonl").write_text("{}")
    for name, make, message in (
        ("link", lambda path: path.symlink_to(tmp_path / "secret.jsonl"), "must be a regular file"),
        ("pipe", os.mkfifo, "must be a regular file"),
        ("folder", lambda path: path.mkdir(), "must be a regular file"),
        ("empty", lambda path: path.write_text("\n\n"), "holds no entry"),
        ("large", lambda path: path.write_bytes(bytes(16 * 1024 * 1024 + 1)), "exceeds 16777216 bytes"),
    ):
        (tmp_path / name).mkdir()
        make(tmp_path / name / "a.jsonl")
        done = attack(manifest, "--corpus", tmp_path / name)
        assert done.exit_code == 2, name
        assert message in done.stderr, name
    assert "holds no file `*.jsonl`" in attack(manifest, "--corpus", tmp_path / "m").stderr
    assert "No such file or directory" in attack(manifest, "--corpus", tmp_path / "absent").stderr
    assert "no corpus: name one with --corpus" in attack(manifest, "--no-built-in").stderr
    same = write_corpus(tmp_path / "same", entry("shell-en-2", "x"))
    assert (
        "`id`: `shell-en-2` is already used by the corpus built-in"
        in attack(manifest, "--corpus", same).stderr
    )
