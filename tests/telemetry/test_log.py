"""What the service's own log says of errors that nobody foresaw (section 5)."""

import subprocess
import sys
import textwrap

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.server

PROGRAM = """
    import logging, sys
    import structlog
    from acs_sidecar.telemetry.log import configure_logging
    from acs_sidecar.telemetry.options import LogFormat

    def evaluate(snapshot):
        raise RuntimeError(f"cannot read {snapshot}")

    configure_logging(LogFormat(sys.argv[1]), "info")
    try:
        evaluate("secret \\x1b[2J\\u202e")
    except RuntimeError as error:
        structlog.stdlib.get_logger("acs").exception("one")
        logging.getLogger("library").error("two", exc_info=error)
        logging.getLogger("library").error("three \\x1b[2J %s", "\\u202e\\n")
    logging.shutdown()
"""


@pytest.mark.parametrize("style", ["json", "console"])
def test_an_error_is_logged_by_its_type_and_places(style: str) -> None:
    """Its text and the variables around it may hold content, and text of a library moves no cursor."""
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), style]
    log = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stderr
    assert len(log.splitlines()) == 3
    assert all(line.isprintable() for line in log.splitlines())
    assert log.count("RuntimeError") == 2
    assert log.count(" in evaluate") == 2
    assert "secret" not in log
