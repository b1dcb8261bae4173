"""What the README of the client shows is what happens."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT, Service

TEXT = (ROOT / "clients" / "python" / "README.md").read_text()
EXAMPLES = re.findall(r'```python title="(\w+)"\n(.*?)```\n+```text\n(.*?)```', TEXT, re.DOTALL)
README = re.search(
    r"## From Python.*?```python\n(.*?)```\n\nIt prints `(.*?)`", (ROOT / "README.md").read_text(), re.DOTALL
)


def run(code: str, url: str) -> str:
    """Run code that knows the service by its environment alone."""
    environment = os.environ | {"ACSCLIENT_URL": url, "PYTHONPATH": str(ROOT / "clients" / "python")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("code", "printed"), [example[1:] for example in EXAMPLES], ids=[e[0] for e in EXAMPLES]
)
def test_an_example(service: Service, code: str, printed: str) -> None:
    """Each example prints what stands below it."""
    assert run(code, service.url) == printed


def test_the_ten_lines_of_the_first_page(service: Service) -> None:
    """The first page's example prints what it says, and something else when the service is not there."""
    assert README
    code, printed = README.groups()
    assert run(code, service.url) == printed + "\n"
    assert "the service cannot be reached" in run(code, "http://127.0.0.1:9")


def test_importing_the_client_imports_nothing_else() -> None:
    """Only what is used is loaded, and only the standard library."""
    code = "import sys; import acs_client; print([name for name in sys.modules if 'acs_client' in name])"
    assert run(code, "") == "['acs_client']\n"
    code = (
        "import sys; before = {*sys.modules}; import acs_client; [getattr(acs_client, name) for name in acs_client.__all__];"
        "print(sorted({name.partition('.')[0] for name in sys.modules.keys() - before} - sys.stdlib_module_names - {'acs_client', '__main__'}))"
    )
    names = eval(run(code, ""))  # noqa: S307  # a list of texts that this test made
    assert [name for name in names if not name.startswith("_")] == []
