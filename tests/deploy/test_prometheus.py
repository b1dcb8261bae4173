"""Alert rules and the dashboard, against Prometheus itself and a service that it scrapes (section 5)."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from acs_sidecar.telemetry.catalogue import CATALOGUE, Kind
from tests.conftest import ROOT, Service, Start
from tests.transports.http.echo import ask, manifest, with_annotator

__all__ = ["manifest"]

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RULE_TESTS = RULES.with_name("alerts-test.yaml")
DASHBOARD = ROOT / "deploy" / "grafana" / "acs-sidecar.json"
ALLOW = {"decision": "allow"}

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None and "CI" not in os.environ, reason="prometheus is not installed"
)


def alerts() -> list[dict[str, Any]]:
    """The alert rules."""
    rules: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return rules


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def expressions() -> list[str]:
    """Every expression of the dashboard, as Grafana would send it for all jobs, points and policies."""
    targets = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    return [re.sub(r"\$\w+", ".*", target.replace("$__rate_interval", "1m")) for target in targets]


def promtool(*arguments: str | Path) -> str:
    """What promtool says; it must be content."""
    command = ["promtool", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=RULES.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Prometheus:
    """A running Prometheus."""

    url: str
    process: subprocess.Popen[bytes]

    def get(self, path: str, **parameters: str) -> Any:
        """Ask its API."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as reply:  # noqa: S310  # our own
            answer = json.load(reply)
        assert answer["status"] == "success"
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def value(self, expression: str) -> float:
        """The one value of an expression; 0 for none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def wait_for(self, expression: str, value: float) -> None:
        """Wait until an expression has a value."""
        deadline = time.monotonic() + 60
        while self.value(expression) != value:
            assert time.monotonic() < deadline, f"{expression} is {self.query(expression)}"
            time.sleep(0.1)


@contextmanager
def prometheus(folder: Path, service: Service) -> Iterator[Prometheus]:
    """Scrape a service every second, with the alert rules."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "prometheus.yaml"
    target = service.url.removeprefix("http://")
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "acs-sidecar", "static_configs": [{"targets": [target]}]}],
    }
    config.write_text(yaml.safe_dump(settings))
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        running = Prometheus(f"http://127.0.0.1:{port}", process)
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    running.wait_for('up{job="acs-sidecar"}', 1)
                    break
                except OSError:
                    time.sleep(0.1)
            yield running
        finally:
            process.kill()


def test_the_alert_rules_hold_their_own_tests() -> None:
    """Prometheus can read them, each fires where it must and only there."""
    assert "rules found" in promtool("check", "rules", RULES)
    assert "SUCCESS" in promtool("test", "rules", RULE_TESTS)


def test_every_alert_is_tested_both_ways_and_says_what_to_do() -> None:
    """One test in which it fires, one in which it stays silent; a summary and an action."""
    outcomes: dict[str, set[bool]] = {}
    for case in yaml.safe_load(RULE_TESTS.read_text())["tests"]:
        for expected in case["alert_rule_test"]:
            outcomes.setdefault(expected["alertname"], set()).add(bool(expected["exp_alerts"]))
    assert outcomes == {alert["alert"]: {True, False} for alert in alerts()}
    for alert in alerts():
        assert alert["annotations"].keys() == {"summary", "action"}
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}


def test_only_labels_that_a_metric_has_are_asked_for() -> None:
    """In every selector of the dashboard and the alerts; names and suffixes as they are exposed."""
    exposed: dict[str, set[str]] = {"acs_build_info": set()}
    for metric in CATALOGUE:
        suffixes = {
            Kind.COUNTER: ("_total",),
            Kind.HISTOGRAM: ("_bucket", "_count", "_sum"),
        }.get(metric.kind, ("",))
        exposed |= {f"{metric.name}{suffix}": set(metric.labels) for suffix in suffixes}
    queries = [*expressions(), *(alert["expr"] for alert in alerts())]
    selectors = [
        found for expression in queries for found in re.findall(r"(acs_\w+)(?:\{([^}]*)\})?", expression)
    ]
    assert len(selectors) > 40
    for name, matchers in selectors:
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert labels <= exposed[name] | {"job", "instance"}, name


def without_data(server: Prometheus, shown: set[str]) -> list[str]:
    """The expressions that give nothing though all of their metrics are there."""
    possible = [one for one in expressions() if set(re.findall(r"acs_\w+", one)) <= shown]
    assert len(possible) > 30
    return [one for one in possible if not server.query(one)]


def test_prometheus_scrapes_two_workers_as_one(start: Start, tmp_path: Path) -> None:
    """Sums over both, no counter ever goes backwards, every panel has data, and no alert fires."""
    path = with_annotator(tmp_path, {"type": "classifier", "provider": "secrets"})
    service = start("--manifests", path, "--workers", "2")
    with prometheus(tmp_path, service) as server:
        allowed = "sum(acs_intervention_allow_total)"
        for _ in range(40):
            ask(service, ALLOW)
        server.wait_for(allowed, 40)
        for _ in range(2):
            killed = service.workers()[0]
            os.kill(killed, signal.SIGKILL)
            deadline = time.monotonic() + 60
            while killed in service.workers():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            sent = 0
            while sent < 20:
                assert time.monotonic() < deadline
                try:
                    ask(service, ALLOW)
                    sent += 1
                except OSError:
                    time.sleep(0.05)
        ask(service, {})
        service.post("/v1/evaluate/input", {})
        server.wait_for(allowed, 80)
        server.wait_for("sum(acs_worker_starts_total)", 4)
        assert server.value("sum(resets(acs_intervention_allow_total[5m]))") == 0
        assert server.value("sum(resets(acs_intervention_duration_ms_count[5m]))") == 0
        assert server.value("sum(resets(acs_audit_records_total[5m]))") == 0
        assert {target["health"] for target in server.get("targets")["activeTargets"]} == {"up"}
        shown = set(server.get("label/__name__/values"))
        deadline = time.monotonic() + 60
        while empty := without_data(server, shown):
            assert time.monotonic() < deadline, empty
            time.sleep(0.2)
        groups = server.get("rules")["groups"]
        assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
        firing = {
            alert["labels"]["alertname"]
            for alert in server.get("alerts")["alerts"]
            if alert["state"] == "firing"
        }
        assert firing <= {"AcsWorkersRestart"}


def test_every_name_in_the_dashboard_is_in_a_scrape(start: Start, manifest: str) -> None:
    """The dashboard and the alerts use what a real scrape announces, and every metric of it but one or two."""
    service = start("--manifests", manifest)
    ask(service, ALLOW)
    _, _, body = service.request("GET", "/metrics")
    announced = set(re.findall(r"^# TYPE (acs_\w+) ", body.decode(), re.MULTILINE))
    queries = [*expressions(), *(alert["expr"] for alert in alerts())]
    used = {name for expression in queries for name in re.findall(r"acs_\w+", expression)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in used}
    assert families <= announced
    assert announced - families == set()


def test_killing_prometheus_under_load_changes_no_verdict(
    start: Start, tmp_path: Path, manifest: str
) -> None:
    """Nor does a scraper that asks and never reads."""
    service = start("--manifests", manifest)
    verdicts: list[str] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            verdicts.append(ask(service, {"decision": "warn"})["verdict"]["decision"])

    clients = [threading.Thread(target=load) for _ in range(2)]
    with prometheus(tmp_path, service) as server:
        for client in clients:
            client.start()
        server.process.kill()
    parts = urllib.parse.urlsplit(service.url)
    assert parts.hostname
    assert parts.port
    with socket.create_connection((parts.hostname, parts.port)) as scraper:
        scraper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        scraper.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n" * 50)
        before = len(verdicts)
        time.sleep(1)
    stop.set()
    for client in clients:
        client.join()
    assert len(verdicts) > before
    assert set(verdicts) == {"warn"}


def test_panels_are_laid_out_and_explained() -> None:
    """Each has a title, a description and a unit, ids are unique, and none covers another."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & covered
        assert max(x for x, _ in cells) < 24
        covered |= cells
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]
