"""The built wheel is all that an installation needs, beside whatever project it is installed."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from acs_sidecar import __version__
from tests.conftest import ROOT, environment
from tests.examples import EXAMPLES, MANIFESTS, NAMES, Example

pytestmark = [pytest.mark.server, pytest.mark.slow]

FIRST = [EXAMPLES[name][0] for name in NAMES]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a fresh environment with the locked dependencies and the wheel."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    for arguments in (["--require-hashes", "-r", str(ROOT / "requirements.lock")], ["--no-deps", str(wheel)]):
        subprocess.run([*pip, *arguments], check=True, capture_output=True, env=environment(PYTHONPATH=""))
    return folder / "bin"


@pytest.fixture(params=["an empty folder", "a project with an `app`", "a project with an `app` on the path"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A folder to run the command in, and the PYTHONPATH there; a package called `app` that ends whoever imports it."""
    if request.param == "an empty folder":
        return tmp_path, ""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the wrong `app`')\n")
    return tmp_path, str(tmp_path) if request.param.endswith("path") else ""


def run(command: Path, *arguments: str | Path, at: tuple[Path, str], given: str = "") -> str:
    """What the command prints, if it succeeds."""
    folder, path = at
    done = subprocess.run(
        [command, *arguments],
        cwd=folder,
        env=environment(PYTHONPATH=path),
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    """One import package with its type marker, nothing of the tests, and no other top-level name."""
    names = zipfile.ZipFile(wheel).namelist()
    dist_info = f"acs_sidecar-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"acs_sidecar", dist_info}
    assert {"acs_sidecar/py.typed", f"{dist_info}/licenses/LICENSE"} <= set(names)
    sources = {str(path.relative_to(ROOT / "app")) for path in (ROOT / "app" / "acs_sidecar").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


def test_the_other_app_is_the_one_that_python_finds(bin_folder: Path, tmp_path: Path) -> None:
    """The project around the command would break it if the command imported `app`."""
    (tmp_path / "app.py").write_text("raise SystemExit('the wrong `app`')\n")
    done = subprocess.run(
        [bin_folder / "python", "-c", "import app"],
        env=environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "the wrong `app`\n")


def test_the_command_tells_its_version(bin_folder: Path, elsewhere: tuple[Path, str]) -> None:
    """The command runs wherever it is called, and is the version that was built."""
    assert run(bin_folder / "acs-sidecar", "--version", at=elsewhere) == f"{__version__}\n"


def test_the_examples_are_valid(bin_folder: Path, elsewhere: tuple[Path, str]) -> None:
    """All example manifests validate, and their cases decide as they say."""
    run(bin_folder / "acs-sidecar", "validate", MANIFESTS, at=elsewhere)
    run(bin_folder / "acs-sidecar", "test", MANIFESTS, at=elsewhere)


@pytest.mark.parametrize("example", FIRST, ids=NAMES)
def test_the_examples_are_decided(bin_folder: Path, tmp_path: Path, example: Example) -> None:
    """One snapshot of each example gets the verdict of its case."""
    printed = run(
        bin_folder / "acs-sidecar", "evaluate", "--manifest", MANIFESTS / example.manifest, "--snapshot", "-",
        "--point", example.case.point.value, "--mode", example.case.mode.value,
        at=(tmp_path, ""), given=json.dumps(example.case.snapshot),
    )  # fmt: skip
    example.check(json.loads(printed))


def test_nothing_else_is_installed(bin_folder: Path, tmp_path: Path) -> None:
    """What developers need, and the extras, are not there: no module needs them to be imported."""
    found = run(bin_folder / "python", "-c", (
        "import importlib.util\n"
        "print([name for name in ('hypothesis', 'nats', 'opentelemetry.sdk', 'pytest') if importlib.util.find_spec(name)])"
    ), at=(tmp_path, ""))  # fmt: skip
    assert found == "[]\n"
