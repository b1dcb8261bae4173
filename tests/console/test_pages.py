"""The pages of a console that runs: what they show, and that hostile text stays text (section 15.2)."""

import http.server
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.records import record_pieces
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.console import disk_logs
from tests.audit.log.logs import settings, with_log
from tests.command import run
from tests.console.in_process import pages_of
from tests.console.logs import VKEY, make_log
from tests.console.running import MANIFEST, Console, running

pytestmark = pytest.mark.server

ENDLESS = MANIFEST.replace(
    "default verdict",
    'verdict := {"decision": "deny"} if {\n          some a in numbers.range(1, 3000)\n'
    "          some b in numbers.range(1, 3000)\n          some c in numbers.range(1, 3000)\n"
    "          a + b + c == 0\n        }\n        default verdict",
)
COUNT = 3_000
PATHS = [
    "/",
    "/counts",
    "/decisions?agent=nobody",
    "/decisions/rows?agent=nobody",
    "/decisions/new?agent=nobody",
]
FIRST_FILE = """
import asyncio
import sys

from acs_sidecar.console.rendering import STATIC, prepare
from starlette.staticfiles import StaticFiles


async def ask():
    await prepare()
    loaded = set(sys.modules)
    await StaticFiles(directory=STATIC).get_response("icon.svg", {"type": "http", "method": "GET", "headers": []})
    print(*sorted(set(sys.modules) - loaded))

asyncio.run(ask())
"""


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console, and a person who was let in."""
    with running(tmp_path_factory.mktemp("console"), MADE_UP="s3cr3t-value") as console:
        assert console.ask(f"{console.base}/")[0] == 401
        console.enter()
        yield console


class Tags(HTMLParser):
    """Gathers the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def harmless(text: str) -> None:
    """Fail where planted markup became an element, or a character that turns text around is there."""
    tags = Tags()
    tags.feed(text)
    assert tags.names.isdisjoint({"b", "i", "u", "s", "img"})
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert re.search('<script(?! type="module" src=)', text) is None
    assert not set("\u202e\x1b") & set(text)
    assert "[31m49" not in text


def first_record(console: Console) -> str:
    """Return the path of the newest denial."""
    found = re.search(r'href="[^"]*(/record/[^"]+)"', console.page("/decisions?decision=deny"))
    assert found
    return found[1]


def test_every_page_shows_hostile_text_as_text(console: Console) -> None:
    """Markup, control characters and marks that turn text around are planted in every field."""
    manifest = "/manifests/agent"
    paths = ["/", "/decisions", first_record(console), "/verify", "/playground", "/playground?manifest=agent"]
    for path in [*paths, "/manifests", manifest, "/decisions?tool=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"]:
        harmless(console.page(path))
    status, text = console.ask(console.base + manifest, "POST")
    assert status == 200
    text = json.loads(text)["html"]
    harmless(text)
    assert "1 of 2 fail" in text
    assert "What they reach" in text
    assert re.search(r"main\.rego</code></th><td class=\"number\">\d+</td><td class=\"number\">100 %<", text)


def test_decisions_are_filtered(console: Console) -> None:
    """By what is asked for, newest first; nothing that fits is said so."""
    text = console.page("/decisions?decision=deny&reason=secret")
    assert text.count("</tr>") == 1 + 20
    assert "These are all." in text
    assert console.page("/decisions?took=0.055").count("</tr>") == 1 + 5
    assert "No record fits these filters." in console.page("/decisions?agent=nobody")


def test_a_duration_is_found_by_what_the_page_shows_of_it(tmp_path: Path) -> None:
    """2.007 ms are 2,007 us, and not a little more."""

    async def work(log: FileAuditLog) -> None:
        for duration in (2006, 2007):
            await log.append(AuditEntry("allow", "input", duration_us=duration))

    with_log(work, settings(tmp_path / "audit"))
    pages = pages_of(tmp_path / "audit", tmp_path / "manifests")
    assert pages.page("/decisions?took=2.007").count("</tr>") == 1 + 1
    assert pages.page("/decisions?took=2.006").count("</tr>") == 1 + 2


def test_new_decisions_are_found_though_the_clock_was_set_back(tmp_path: Path) -> None:
    """By how long each log was when the page was made."""
    make_log(tmp_path / "audit", 3)
    pages = pages_of(tmp_path / "audit", tmp_path / "manifests")
    shown = re.search('data-sizes="([^"]*)"', pages.page("/decisions"))
    assert shown
    other = make_log(tmp_path / "other", 2)
    ((_, path),), size = other.segments(), other.published_size()
    path.chmod(0o600)
    path.write_bytes(re.sub(rb'"time":"[^"]*"', b'"time":"2020-01-31T14:05:00.678901Z"', path.read_bytes()))
    other.path.rename(tmp_path / "audit" / other.path.relative_to(tmp_path / "other"))
    new = json.loads(pages.page(f"/decisions/new?after={quote(shown[1])}"))
    assert new["rows"] == new["html"].count("</tr>") == size
    assert json.loads(pages.page(f"/decisions/new?after={quote(new['sizes'])}"))["rows"] == 0
    assert json.loads(pages.page(f"/decisions/new?decision=warn&after={quote(shown[1])}"))["rows"] == 0
    status, text = pages.ask("/decisions/new?after=acs/one%202%203")
    assert (status, json.loads(text)) == (
        400,
        {"problem": "what was shown already is damaged: open the page again"},
    )


def test_a_time_is_found_however_it_is_written(tmp_path: Path) -> None:
    """With its zone, without a colon, to the second or to a part of it."""
    log = make_log(tmp_path / "audit", 1)
    ((_, path),) = log.segments()
    path.chmod(0o600)
    path.write_bytes(re.sub(rb'"time":"[^"]*"', b'"time":"2026-01-31T14:05:00.678901Z"', path.read_bytes()))
    pages, all_of_them = pages_of(tmp_path / "audit", tmp_path / "manifests"), 1 + log.published_size()
    for text in ("14:05", "14:05Z", "1405", "14:05:00Z", "140500Z", "14:05:00.678Z", "14:05:00.678901Z"):
        assert pages.page(f"/decisions?since=2026-01-31T{text}").count("</tr>") == all_of_them, text
        assert pages.page(f"/decisions?until=2026-01-31T{text}").count("</tr>") == 1, text
    for text in ("14:06Z", "1406", "14:05:01Z", "14:05:00.7Z", "14:05:00.678902Z"):
        assert pages.page(f"/decisions?until=2026-01-31T{text}").count("</tr>") == all_of_them, text
        assert pages.page(f"/decisions?since=2026-01-31T{text}").count("</tr>") == 1, text


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("since=yesterday", "`since` is not a time: write it as 2026-01-31T14:05"),
        ("until=2026-13", "`until` is not a time: write it as 2026-01-31T14:05"),
        ("since=2026-99-99T99:99", "`since` is not a time: write it as 2026-01-31T14:05"),
        ("took=long", "`took` is not a number of milliseconds: write it as 2.5"),
        ("before=x", "the link to further records is damaged: open the page again"),
    ],
)
def test_a_filter_that_cannot_be_read_is_named(console: Console, query: str, problem: str) -> None:
    """With what to write instead."""
    status, text = console.ask(f"{console.base}/decisions?{query}")
    assert status == 400
    assert problem in text.replace("&#39;", "'")
    status, text = console.ask(f"{console.base}/decisions/rows?{query}")
    assert (status, json.loads(text)) == (400, {"problem": problem})


def test_the_receipt_of_a_page_is_sound(console: Console, tmp_path: Path) -> None:
    """By the command, with the key that wrote the log."""
    log, _, index = first_record(console).removeprefix("/record/").rpartition("/")
    (tmp_path / "receipt.json").write_text(console.page(f"/log/{log}/receipt/{index}"))
    done = run(tmp_path, "audit", "verify", "--receipt", "receipt.json", "--key", VKEY)
    assert done.returncode == 0, done.stderr


def test_the_playground_decides_as_the_service(console: Console) -> None:
    """With verdict, explanation and a transform as a comparison."""
    status, found = console.try_out(snapshot='{"input": {"text": "a secret"}}')
    assert status == 200
    assert "secret_word" in found["html"]
    assert "&lt;i&gt;no&lt;/i&gt;" in found["html"]
    transforming = MANIFEST.replace(
        '{"decision": "allow"}',
        '{"decision": "transform", "transform": {"path": "$policy_target", "value": "other"}}',
    )
    _, found = console.try_out(text=transforming)
    assert re.search(r'class="removed">- hello<', found["html"])
    assert re.search(r'class="added">\+ other<', found["html"])


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"snapshot": "{"}, "The snapshot cannot be used"),
        ({"snapshot": "[]"}, "The snapshot cannot be used"),
        ({"annotations": '{"x": 1}'}, "`annotations.x`: `input` has no annotator of this name"),
        ({"name": "nobody"}, "`nobody` is not loaded, or not valid"),
        ({"point": "nowhere"}, "no such intervention point or mode"),
        ({"text": "a: b"}, "The manifest is invalid"),
    ],
)
def test_what_cannot_be_tried_is_named(console: Console, members: dict[str, str], problem: str) -> None:
    """By the part of the page that it is in."""
    _, found = console.try_out(**members)
    assert problem in found["html"]


def test_a_pasted_manifest_reaches_nothing(console: Console) -> None:
    """Neither a local URL of an annotator, nor a variable, nor a file, nor a parent elsewhere."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # the base's names

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/x"
    bound = "policy_target_kind: text"
    annotated = MANIFEST.replace(bound, f"{bound}, annotations: {{probe: {{from: $snap.input.text}}}}")
    try:
        for text in (
            f"{annotated}annotators: {{probe: {{type: endpoint, url: '{url}'}}}}\n",
            f"{annotated}annotators: {{probe: {{type: endpoint, url: 'https://example.com', "
            "headers: {x: '${MADE_UP}'}}}}\n",
            f"{MANIFEST}extends: ['{url}']\n",
            f"{MANIFEST}extends: [/etc/passwd]\n",
            MANIFEST.replace("modules:", "bundle: /etc\n    modules:"),
        ):
            status, found = console.try_out(text=text, annotations="{}")
            assert status == 200
            assert "cannot be used" in found["html"] or "is invalid" in found["html"], text
            assert "s3cr3t-value" not in found["html"]
            assert "root:" not in found["html"]
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_a_policy_that_never_ends_holds_nothing_up(console: Console) -> None:
    """It is ended by the sandbox; the next trial is answered."""
    _, found = console.try_out(text=ENDLESS)
    assert "the policy exceeded `policy_timeout_ms`" in found["html"]
    assert console.try_out()[0] == 200


def test_a_trial_that_is_too_long_is_refused(console: Console) -> None:
    """Before it is read to its end."""
    status, found = console.try_out(text="#" * (2 * 1024 * 1024))
    assert (status, found) == (413, {"problem": "more than 2 MiB"})


def test_cases_of_no_manifest_are_not_run(console: Console) -> None:
    """And the page is told why."""
    status, text = console.ask(f"{console.base}/manifests/nobody", "POST")
    assert (status, json.loads(text)) == (404, {"problem": "no valid manifest of this name is loaded"})


def test_a_manifest_that_changes_is_read_again(console: Console) -> None:
    """When the page is opened the next time."""
    file = console.manifests / "agent" / "manifest.yaml"
    file.write_text(MANIFEST.replace("secret_word", "other_word"))
    assert "other_word" in console.page("/manifests/agent")
    file.write_text(MANIFEST)


def test_what_is_not_there_is_said_so(console: Console) -> None:
    """A page, a record, a log."""
    (log,) = find_logs(console.audit)
    for path in ("/nothing", f"/record/{log.origin}/999999", "/record/a/b/c/d/0", "/manifests/nobody"):
        status, text = console.ask(console.base + path)
        assert status == 404
        assert "This cannot be shown" in text
    assert console.ask(f"{console.base}/log/{log.origin}/receipt/999999") == (404, "the log has 62 records")
    assert console.ask(f"{console.base}/log/a/b/c/d/checkpoint") == (404, "no such log")
    assert console.ask(f"{console.base}/log/{log.origin}/tile/0/../../x")[0] == 404


def test_a_port_that_is_taken_is_named(console: Console, tmp_path: Path) -> None:
    """With what to do."""
    port = re.search(r":(\d+)/", console.address)
    assert port
    done = run(tmp_path, "console", "--no-open", "--port", port[1])
    assert done.returncode != 0
    assert f"error: port {port[1]} cannot be used" in done.stderr
    assert "choose another with --port, or 0 for any" in done.stderr


def test_a_service_and_a_directory_are_not_shown_together(tmp_path: Path) -> None:
    """The command says so before it starts."""
    done = run(tmp_path, "console", "--no-open", "--service", "http://127.0.0.1:1", "--audit", "x")
    assert (done.returncode, done.stderr) == (2, "error: --service and --audit: must not be set together\n")


def test_an_empty_place_says_what_to_do(tmp_path: Path) -> None:
    """Without a log and a manifest the pages say how to get some."""
    with running(tmp_path) as console:
        for path in sorted(console.audit.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (console.manifests / "agent" / "manifest.yaml").unlink()
        console.enter()
        overview = console.page("/")
        assert "There is no audit log in" in overview
        assert "No manifest is loaded." in overview
        assert "There is no record yet." in console.page("/decisions")


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log that is read in several blocks."""
    folder = tmp_path_factory.mktemp("audit")
    make_log(folder, COUNT)
    return folder


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each block had that was read; each takes a while."""
    read: list[int] = []

    def slow(segments: Sequence[tuple[int, Path]], start: int, end: int) -> Iterator[tuple[int, bytes]]:
        read.append(end - start)
        time.sleep(0.1)
        return record_pieces(segments, start, end)

    monkeypatch.setattr(disk_logs, "record_pieces", slow)
    return read


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_a_page_that_was_left_reads_no_further(
    audit: Path, tmp_path: Path, blocks: list[int], path: str
) -> None:
    """The search stops at the next block."""
    pages = pages_of(audit, tmp_path)
    pages.stays = False
    assert pages.ask(path) == (204, "")
    assert len(blocks) <= 1


@pytest.mark.slow
def test_the_overview_waits_for_a_few_records_alone(audit: Path, tmp_path: Path, blocks: list[int]) -> None:
    """However long the log is; the rest is counted while the page shows."""
    text = pages_of(audit, tmp_path).page("/")
    assert sum(blocks) < 1_000
    assert f'data-looked-at="{sum(one for one in blocks if one > 1)}"' in text
    assert 'data-rest="2' in text


@pytest.mark.server
@pytest.mark.slow
def test_the_first_page_waits_for_no_import() -> None:
    """What answers with files was loaded when the console started."""
    asked = subprocess.run([sys.executable, "-c", FIRST_FILE], capture_output=True, text=True, check=True)
    assert asked.stdout == "\n"


def test_a_method_that_a_page_does_not_take_is_named(audit: Path, tmp_path: Path) -> None:
    """A page that is there is not said to be missing."""
    status, text = pages_of(audit, tmp_path).ask("/verify", "DELETE")
    assert status == 405
    assert "this page does not take the method DELETE" in text
