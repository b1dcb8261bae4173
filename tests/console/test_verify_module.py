"""The verifying module, by Node: the public vectors, every byte of a receipt, every change of a log (section 15.3)."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.audit.format.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from acs_sidecar.audit.format.tiles import TileHashes
from acs_sidecar.audit.log.records import record_lines
from acs_sidecar.audit.read.reader import AuditReader
from tests.clients.typescript.node import skip_without_node
from tests.console.logs import VKEY, jobs_of, make_log, vector_jobs, walk_job
from tests.console.node import MODULE, encoded, run_jobs

pytestmark = pytest.mark.server
skip_without_node()

STEPS = ["receipt", "key", "checkpoint", "signature", "place", "leaf", "root"]
COUNT = 600


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log of some hundred records."""
    folder = tmp_path_factory.mktemp("audit")
    make_log(folder, COUNT)
    return folder


@pytest.fixture(scope="module")
def lines(root: Path) -> list[bytes]:
    """The records of that log."""
    (log,) = AuditReader(root).logs()
    return list(record_lines(_directory(root), 0, log.size))


def test_the_module_can_be_read() -> None:
    """It is one file of less than 300 lines that imports nothing."""
    text = MODULE.read_text()
    assert len(text.splitlines()) < 300
    assert "import(" not in text
    assert not any(line.startswith("import") for line in text.splitlines())
    assert "fetch(" not in text


def test_every_record_of_a_log_is_verified(root: Path) -> None:
    """Each step holds, in order, for each record."""
    for found in run_jobs(jobs_of(root, _directory(root))[::7]):
        assert [step["step"] for step in found["value"]] == STEPS
        assert all(step["holds"] for step in found["value"]), found


def test_any_changed_byte_of_a_receipt_is_refused(root: Path) -> None:
    """A receipt in which one character is another one never verifies, at 200 random places."""
    (job, *_) = jobs_of(root, _directory(root))[300:]
    written = json.dumps(job["receipt"])
    chance = random.Random(15)  # noqa: S311  # places, no secrets
    jobs: list[dict[str, Any]] = []
    while len(jobs) < 200:
        at = chance.randrange(len(written))
        other = chance.choice([symbol for symbol in '0aZ9/+"{}\u00e9' if symbol != written[at]])
        try:
            changed = json.loads(written[:at] + other + written[at + 1 :])
        except json.JSONDecodeError:
            continue
        if changed != job["receipt"]:
            jobs.append({**job, "receipt": changed})
    for one, found in zip(jobs, run_jobs(jobs), strict=True):
        assert not found["value"][-1]["holds"], one
        assert found["value"][-1]["problem"]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "a verifier key is `name+hash+base64`, as `acs-sidecar audit key` prints it"),
        (VKEY.replace("acs+", "acx+"), "the hash in the verifier key is not that of its name and key"),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "the key is for `PeterNeumann`, and the log is `LOG`",
        ),
    ],
)
def test_another_key_proves_nothing(root: Path, key: str, problem: str) -> None:
    """The key that the person gave is the only one that counts."""
    job = {**jobs_of(root, _directory(root))[0], "key": key}
    (found,) = run_jobs([job])
    last = found["value"][-1]
    assert not last["holds"]
    assert last["problem"] == problem.replace("LOG", _directory(root).origin)


def test_an_older_checkpoint_proves_that_nothing_was_rewritten(root: Path) -> None:
    """The proof of consistency is the last step, and fails for an anchor of another log's root."""
    reader, log = AuditReader(root), _directory(root)
    job = jobs_of(root, log)[10]
    size = log.published_size()
    newest = reader.checkpoint(log.origin).decode()
    right = {"checkpoint": newest, "proof": []}
    wrong = {"checkpoint": newest.replace(f"\n{size}\n", f"\n{size - 1}\n"), "proof": []}
    found = run_jobs([{**job, "anchor": right}, {**job, "anchor": wrong}])
    assert found[0]["value"][-1] == {
        "step": "anchor",
        "value": f"the log begins with the {size} records of the anchor",
        "holds": True,
        "problem": None,
    }
    assert found[1]["value"][-1]["problem"] == "the signature does not verify"


def test_a_whole_log_is_walked(root: Path, lines: list[bytes]) -> None:
    """All records hash to the root that was signed."""
    (found,) = run_jobs([walk_job(root, _directory(root), lines)])
    assert found["value"] == {"holds": True, "walked": len(lines)}


@pytest.mark.parametrize("index", [0, 1, 255, 256, 300, COUNT])
def test_the_first_record_that_does_not_fit_is_named(root: Path, lines: list[bytes], index: int) -> None:
    """A record that is changed, removed, added or swapped with the next one."""
    log = _directory(root)
    changed, removed, added, swapped = (copy.copy(lines) for _ in range(4))
    changed[index] = (
        changed[index]
        .replace(b'"mode":"enforce"', b'"mode":"enforcf"')
        .replace(b'"schema":"acs', b'"schema":"bcs', 1)
    )
    del removed[index]
    added.insert(index, lines[index])
    swapped[index - 1], swapped[index] = lines[index], lines[index - 1]
    found = run_jobs([walk_job(root, log, some) for some in (changed, removed, added, swapped)])
    assert [one["value"]["holds"] for one in found] == [False] * 4
    first = {0: [0, 0, 1, 0]}.get(index, [index, index, index + 1, index - 1])
    assert [one["value"]["index"] for one in found] == first, found


def test_a_changed_record_before_a_broken_one_is_named(root: Path, lines: list[bytes]) -> None:
    """In an earlier bundle, and in the same one."""
    log = _directory(root)
    jobs = []
    for changed in (3, 290):
        some = copy.copy(lines)
        some[changed] = some[changed].replace(b'"mode":"enforce"', b'"mode":"enforcf"')
        some[300] = b"{}"
        jobs.append(walk_job(root, log, some))
    found = [one["value"]["problem"] for one in run_jobs(jobs)]
    assert found == [f"record {changed} is not the record that was signed" for changed in (3, 290)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('{"schema"', '{"index": 3, "schema"', "a member is there twice"),
        ('{"schema"', '{"\\u0069ndex": 3, "schema"', "a member is there twice"),
        (', "proof"', '.0, "proof"', "the index is no whole number"),
        (', "proof"', 'e0, "proof"', "the index is no whole number"),
    ],
)
def test_the_text_of_a_receipt_has_one_reading(root: Path, old: str, new: str, problem: str) -> None:
    """What the command refuses is refused here too."""
    (job, *_) = jobs_of(root, _directory(root))[300:]
    text = json.dumps(job["receipt"])
    assert old in text
    whole = {"kind": "receipt", "text": json.dumps({"receipt": job["receipt"], "took": 1.5}), "key": VKEY}
    found = run_jobs([whole, {**whole, "text": text.replace(old, new, 1)}])
    assert found[0]["value"][-1]["holds"]
    assert found[1]["error"] == problem


def test_the_module_agrees_with_the_public_vectors() -> None:
    """Roots of the reference trees of RFC 6962, and published verifier keys."""
    jobs, expected = zip(*vector_jobs(), strict=True)
    assert len(jobs) > 10
    assert [found["value"] for found in run_jobs(jobs)] == [*expected]


def test_all_proofs_of_small_trees_hold() -> None:
    """Inclusion of every leaf in every tree up to 33 records, and consistency of every two of them."""
    most = 33
    leaves = [leaf_hash(bytes([number])) for number in range(most)]
    roots = [_root(leaves[:size]) for size in range(most + 1)]
    jobs: list[dict[str, Any]] = []
    expected: list[object] = []
    for size in range(1, most + 1):
        hashes = TileHashes(size, lambda tile: b"".join(leaves[: tile.width]))
        for index in range(size):
            proof = [encoded(part) for part in inclusion_proof(index, size, hashes)]
            leaf = encoded(bytes([index]))
            jobs.append({"kind": "inclusion", "leaf": leaf, "index": index, "size": size, "proof": proof})
            expected.append(roots[size].hex())
        for first in range(1, size + 1):
            proof = [encoded(part) for part in consistency_proof(first, size, hashes)]
            two = [encoded(roots[first]), encoded(roots[size])]
            jobs.append({"kind": "consistency", "first": first, "second": size, "roots": two, "proof": proof})
            expected.append(True)
    assert [found["value"] for found in run_jobs(jobs)] == expected


def _root(leaves: list[bytes]) -> bytes:
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def _directory(root: Path) -> Any:
    from acs_sidecar.audit.log.directory import find_logs

    (log,) = find_logs(root)
    return log
