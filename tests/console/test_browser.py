"""The console in Chromium: each page, both themes, three widths, by keyboard (section 15.2)."""

import http.server
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.read.reader import AuditReader
from tests.approval.desk import Desk
from tests.clients.typescript.node import skip_without_node
from tests.console.approver_keys import WORDS, pem
from tests.console.browser import WIDTHS, browser, needs_chromium, settled
from tests.console.logs import VKEY, jobs_of, make_log, vector_jobs, walk_job
from tests.console.node import run_jobs
from tests.console.running import Console, running, write_log
from tests.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.slow, needs_chromium]
JOBS = Path(__file__).parent / "verify_jobs.mjs"
RUN_JOBS = """async ([base, jobs]) => {
  const [module, { receiptIn }, { done }] = await Promise.all(
    ["verify", "receipt-file", "verify_jobs"].map((name) => import(`${base}/${name}.mjs`)));
  const found = [];
  for (const job of jobs) found.push(await done(job, module, receiptIn));
  return found;
}"""
PAGES = ("/", "/decisions", "/verify", "/playground", "/manifests", "/manifests/agent", "/approvals")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that nobody has entered yet."""
    with running(tmp_path_factory.mktemp("console")) as console:
        yield console


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser of all tests here."""
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def person(console: Console, chromium: Any) -> Iterator[Any]:
    """A person's browser, let in by the address; it notes every request, message and fault."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.heard = []
    page.asked = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(console.address)
    page.wait_for_selector("h1:has-text('Overview')")
    page.heard.clear()
    yield page
    context.close()


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """A thread for what runs an event loop: the browser's runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


def at(console: Console, path: str) -> str:
    """Return the address of a page."""
    parts = urlsplit(console.address)
    return f"{parts.scheme}://{parts.netloc}{console.base}{path}"


def test_the_verifying_module_gives_in_the_browser_what_it_gives_under_node(
    person: Any, console: Console, elsewhere: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """Over the public vectors, the receipts and the whole of a log, and one in which a record is another."""
    skip_without_node()
    log = elsewhere.submit(make_log, tmp_path, 300).result()
    lines = AuditReader(tmp_path).records(log.origin, 0, 1_000)
    walks = [walk_job(tmp_path, log, some) for some in (lines, [*lines[:40], lines[41], *lines[41:]])]
    jobs = [*(job for job, _ in vector_jobs()), *jobs_of(tmp_path, log)[::50], *walks]
    person.route("**/verify_jobs.mjs", lambda route: route.fulfill(path=JOBS, content_type="text/javascript"))
    person.goto(at(console, "/verify"))
    found = person.evaluate(RUN_JOBS, [urlsplit(at(console, "/static")).path, jobs])
    assert found == run_jobs(jobs)
    assert [one["value"]["holds"] for one in found[-2:]] == [True, False]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_can_be_read(
    person: Any, console: Console, scheme: str, width: int, tmp_path: Path
) -> None:
    """Nothing sticks out at 360 pixels, nothing is said to the browser's log, and there is a picture."""
    person.emulate_media(color_scheme=scheme)
    person.set_viewport_size({"width": width, "height": 900})
    for number, path in enumerate(PAGES):
        person.goto(at(console, path))
        settled(person)
        assert person.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert person.heard == [], path
        person.screenshot(path=tmp_path / f"{number}-{scheme}-{width}.png", full_page=True)
        assert (tmp_path / f"{number}-{scheme}-{width}.png").stat().st_size > 1000
    person.emulate_media(color_scheme="light")
    person.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(person: Any, console: Console, scheme: str) -> None:
    """Contrast, names, roles and order, on every page and one record."""
    from axe_playwright_python.sync_playwright import Axe

    person.emulate_media(color_scheme=scheme)
    person.goto(at(console, "/decisions"))
    record = person.locator("#decisions tbody a").first.get_attribute("href")
    for path in (*PAGES, record.removeprefix(console.base)):
        address = at(console, path)
        person.goto(address)
        settled(person)
        found = Axe().run(person).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert serious == [], address
    person.emulate_media(color_scheme="light")


def test_the_key_stays_in_the_browser_and_a_wrong_one_fails(person: Any, console: Console) -> None:
    """The step that fails says why, and nothing after it is claimed."""
    person.goto(at(console, "/verify"))
    settled(person)
    person.fill("#key", VKEY)
    person.dispatch_event("#key", "change")
    person.goto(at(console, "/verify"))
    assert person.input_value("#key") == VKEY
    person.goto(at(console, "/decisions"))
    person.locator("#decisions tbody a").first.click()
    settled(person)
    person.fill("#key", VKEY.replace("acs+", "other+"))
    person.click("#check")
    person.wait_for_selector("#steps >> text=Not verified.")
    assert "the hash in the verifier key" in person.inner_text("#steps .fails")
    assert VKEY not in " ".join(person.asked)
    person.fill("#key", VKEY)
    person.dispatch_event("#key", "change")


def test_a_whole_log_is_verified_and_a_changed_record_found(person: Any, console: Console) -> None:
    """The worker names the first index that does not fit."""
    person.goto(at(console, "/verify"))
    settled(person)
    person.fill("#key", VKEY)
    person.click("#walk")
    person.wait_for_selector(
        f"#outcome:has-text('Verified: all 62 records are those that the key {VKEY[:12]} signed')"
    )
    (log,) = find_logs(console.audit)
    (_, segment), *_ = log.segments()
    right = segment.read_bytes()
    lines = right.split(b"\n")
    lines[17] = lines[17].replace(b'"duration_us":16', b'"duration_us":61')
    assert b"\n".join(lines) != right
    segment.chmod(0o600)
    segment.write_bytes(b"\n".join(lines))
    try:
        person.click("#walk")
        person.wait_for_selector("#outcome:has-text('record 17 is not the record that was signed')")
        person.goto(at(console, f"/record/{log.origin}/17"))
        person.click("#check")
        person.wait_for_selector("#steps >> text=Not verified.")
        assert "The proof leads to the root" in person.inner_text("#steps .fails")
    finally:
        segment.write_bytes(right)


def test_a_rule_is_changed_and_the_verdict_changes(person: Any, console: Console) -> None:
    """As it is typed, without a button."""
    person.goto(at(console, "/playground"))
    person.wait_for_selector("#result h2:has-text('deny')")
    text = person.input_value("textarea[name=text]")
    person.fill("textarea[name=text]", text.replace('"secret")', '"nothing like it")'))
    person.wait_for_selector("#result h2:has-text('allow')")
    person.fill("textarea[name=text]", text.replace("policy_target_kind", "policy_target_kin"))
    person.wait_for_selector("#result:has-text('The manifest is invalid')")
    person.click("#result button:has-text('Line')")
    assert "policy_target_kin" in person.evaluate(
        "document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)"
    )


def test_cases_are_run_on_the_page(person: Any, console: Console) -> None:
    """A click shows what they give and reach."""
    person.goto(at(console, "/manifests/agent"))
    person.click("#run")
    person.wait_for_selector("#run-result:has-text('1 of 2 fail')")
    assert "What they reach" in person.inner_text("#run-result")


def test_every_page_is_used_by_keyboard(person: Any, console: Console) -> None:
    """The first key leads past the navigation; each link, field and button is reached and shows that it is."""
    for path in PAGES:
        person.goto(at(console, path))
        person.keyboard.press("Tab")
        assert person.evaluate("document.activeElement.className") == "skip"
        reached = set()
        for _ in range(60):
            person.keyboard.press("Tab")
            outline = person.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            name = person.evaluate("document.activeElement.tagName")
            if name == "BODY":
                break
            assert outline != "none", (path, name)
            reached.add(name)
        assert "A" in reached


def test_an_approval_is_signed_in_the_page(
    person: Any, console: Console, elsewhere: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """What is asked for is shown in words before; nothing of it is sent anywhere."""
    desk = elsewhere.submit(Desk).result()
    desk.now = time.time_ns() // 1_000
    challenge = elsewhere.submit(desk.challenge).result()
    person.goto(at(console, "/approvals"))
    settled(person)
    asked = len(person.asked)
    person.fill("#challenge", challenge)
    person.wait_for_selector("#words:has-text('agent-7 asks for a call of pay')")
    (tmp_path / "key.pem").write_text(pem())
    person.set_input_files("#approver-key", str(tmp_path / "key.pem"))
    person.fill("#passphrase", WORDS)
    person.click("button[data-outcome=allow]")
    person.wait_for_selector("#signed:not([hidden])")
    signed = person.input_value("#approval")
    resolved = elsewhere.submit(desk.resolve, challenge=challenge, approval=signed).result()
    assert resolved["verdict"]["decision"] == "allow"
    assert len(person.asked) == asked


def test_new_decisions_come_as_they_are_written(person: Any, console: Console) -> None:
    """The live tail adds them above the others."""
    person.goto(at(console, "/decisions"))
    before = person.locator("#decisions tbody tr").count()
    person.check("#live")
    writer = threading.Thread(target=write_log, args=(console.audit, 3))
    writer.start()
    writer.join()
    wait_for(
        lambda: person.locator("#decisions tbody tr").count() >= before + 3 or person.wait_for_timeout(50)
    )
    person.uncheck("#live")


def test_nothing_leaves_loopback_and_no_other_server_sees_the_cookie(person: Any, console: Console) -> None:
    """All requests of all tests before went to the console; another port of the host is sent no cookie."""
    netloc = urlsplit(console.address).netloc
    assert {urlsplit(url).netloc for url in person.asked if not url.startswith("blob:")} == {netloc}
    seen: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("cookie"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f'<img src="{at(console, "/")}">'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        person.goto(f"http://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        server.server_close()
    assert seen
    assert set(seen) == {None}
