"""A client that a public generator makes of the OpenAPI document, for tests that call a service by it."""

import importlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.conftest import Service
from tests.described import DOCUMENT, check_response

__all__ = ["GeneratedClient", "generate", "normal"]

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def generate(folder: Path, name: str) -> ModuleType:
    """Generate the package `name` in `folder`, where nothing may be left out of it, and import it."""
    config = folder / "config.yaml"
    # Nobody reads the code, and a generator knows no body of lines but as bytes.
    config.write_text(
        "post_hooks: []\ncontent_type_overrides: {application/x-ndjson: application/octet-stream}\n"
    )
    options = ("--path", DOCUMENT, "--output-path", folder / name, "--meta", "none", "--config", config)
    done = subprocess.run(
        [GENERATOR, "generate", *options, "--fail-on-warning"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


@dataclass
class GeneratedClient:
    """Calls a service by the functions that were generated, and compares each decoded answer with what came."""

    package: ModuleType
    service: Service
    token: str | None = None

    def model(self, name: str) -> Any:
        """Return a generated type."""
        return getattr(importlib.import_module(f"{self.package.__name__}.models"), name)

    def call(self, tag: str, operation: str, *arguments: Any, **options: Any) -> tuple[int, Any]:
        """Call an operation; return the status and the decoded answer, from which nothing is missing."""
        module = importlib.import_module(f"{self.package.__name__}.api.{tag}.{operation}")
        with self._client() as client:
            reply = module.sync_detailed(*arguments, client=client, **options)
        assert reply.parsed is not None, f"{operation}: {reply.status_code} {reply.content[:500]!r}"
        if "json" in reply.headers["content-type"]:
            assert normal(reply.parsed.to_dict()) == normal(json.loads(reply.content))
        return int(reply.status_code), reply.parsed

    def _client(self) -> Any:
        hooks = {"event_hooks": {"response": [_check]}}
        if self.token is None:
            return self.package.Client(self.service.url, httpx_args=hooks)
        return self.package.AuthenticatedClient(self.service.url, self.token, httpx_args=hooks)


def _check(response: Any) -> None:
    """Check the response against the document, as every other test does."""
    request = response.request
    headers = {name.lower(): value for name, value in response.headers.items()}
    target = request.url.raw_path.decode()
    check_response(request.method, target, response.status_code, headers, response.read())


def normal(value: Any) -> Any:
    """Return a JSON value with times as times: clients write them in their own form."""
    if isinstance(value, dict):
        return {name: normal(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [normal(inner) for inner in value]
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        return datetime.fromisoformat(value)
    return value
