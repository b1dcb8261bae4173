"""The wheel and the source archive of the client are built, installed and used, by a checked program too."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Service, environment

CLIENT = ROOT / "clients" / "python"
USER = """
from acs_client import AsyncClient, Blocked, Client, Decision, Session, govern, governed


@governed
def issue_refund(order_id: str, amount: float, currency: str) -> str:
    return f"refunded {amount} {currency}"


@governed(name="search_help")
async def search(query: str) -> list[str]:
    return [query]


def loop(session: Session) -> Decision:
    with session.tool("search_help", {"query": "x"}, "call-1") as call:
        call.result("found")
    return session.input("hello", source="user")


async def alike() -> int:
    async with AsyncClient(manifest="support-agent", timeout=5) as client:
        async with client.session("support-1", tools=["search_help"], mode="enforce") as session:
            found = await search("x")
            decision: Decision = await session.output(found[0])
            return len(found) + decision.allowed


with Client(manifest="support-agent", pool=2) as client, client.session("support-1", history=True) as session:
    done: str = issue_refund("1042", 5, "EUR")
    again: str = govern(issue_refund)("1042", 6, "EUR")
    try:
        issue_refund("1042", 5000, "EUR")
    except Blocked as blocked:
        print(blocked)
"""
WRONG = """
from acs_client import Client, governed


@governed
def pay(amount: int) -> str:
    return "paid"


pay("7")
Client().session("a", mod="enforce")
"""

pytestmark = [pytest.mark.server, pytest.mark.slow]


def build(source: Path, folder: Path, *targets: str) -> list[Path]:
    """What is built of the sources."""
    chosen = [argument for target in targets for argument in ("--target", target)]
    command = [sys.executable, "-m", "hatchling", "build", *chosen, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return sorted(folder.iterdir())


def installed(wheel: Path, folder: Path) -> Path:
    """The commands of a fresh environment that has the client and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = str(folder / "bin" / "python")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True, env=environment(PYTHONPATH=""))
    return folder / "bin"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source archive and the wheel of this tree."""
    wheel, archive = build(CLIENT, tmp_path_factory.mktemp("dist"), "wheel", "sdist")
    return archive, wheel


@pytest.fixture(scope="module")
def bin_folder(archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel."""
    return installed(archives[1], tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("source", ["the wheel", "the source archive"])
def test_an_installed_client_denies(
    service: Service, archives: tuple[Path, Path], bin_folder: Path, tmp_path: Path, source: str
) -> None:
    """A program and the hook, with no other package there."""
    if source == "the source archive":
        with tarfile.open(archives[0]) as archive:
            archive.extractall(tmp_path / "source", filter="data")
        (unpacked,) = (tmp_path / "source").iterdir()
        (wheel,) = build(unpacked, tmp_path / "built", "wheel")
        bin_folder = installed(wheel, tmp_path / "fresh")
    (tmp_path / "user.py").write_text(USER)
    there = environment(PYTHONPATH="", ACSCLIENT_URL=service.url)
    done = subprocess.run(
        [bin_folder / "python", tmp_path / "user.py"],
        cwd=tmp_path,
        env=there,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (
        "denied by policy: refund_above_maximum: Refunds above 2000 are not made by the agent.\n",
        "",
    )
    hook = subprocess.run(
        [bin_folder / "acs-hook", "claude-code", "--url", service.url, "--state", str(tmp_path / "state")],
        input="{}",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (hook.returncode, hook.stdout) == (2, "")


def test_a_program_is_checked_strictly(bin_folder: Path, tmp_path: Path) -> None:
    """`mypy --strict` accepts what is right, and finds what is wrong in arguments and options."""
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "wrong.py").write_text(WRONG)
    check = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(bin_folder / "python")]
    cache = f"--cache-dir={tmp_path / 'cache'}"

    def checked(name: str) -> list[str]:
        done = subprocess.run(
            [*check, cache, name],
            cwd=tmp_path,
            env=environment(PYTHONPATH=""),
            capture_output=True,
            text=True,
            check=False,
        )
        return [line.partition("error: ")[2] for line in done.stdout.splitlines() if ": error: " in line]

    assert checked("user.py") == []
    found = checked("wrong.py")
    assert len(found) == 2
    assert found[0] == 'Argument 1 to "pay" has incompatible type "str"; expected "int"  [arg-type]'
    assert found[1].startswith('Unexpected keyword argument "mod" for "session"')


def test_the_archives_hold_the_package_and_its_types(archives: tuple[Path, Path]) -> None:
    """Nothing that is not part of the client, and the mark that it has types."""
    import zipfile

    names = zipfile.ZipFile(archives[1]).namelist()
    assert "acs_client/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "acs_client",
        "acs_sidecar_client",
    }
