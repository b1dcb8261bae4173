"""The package as it is installed: types, plain JavaScript, nothing else (section 12.11)."""

import json
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.clients.typescript.node import (
    MODULES,
    NODE,
    PACKAGE,
    build,
    npm,
    old_node,
    run_node,
    skip_without_node,
)
from tests.conftest import ROOT, Service

skip_without_node()

README = re.findall(
    r'```ts title="(\w+)"\n(.*?)```\n+```text\n(.*?)```', (PACKAGE / "README.md").read_text(), re.DOTALL
)
PAGES = ("ai-sdk", "langchain-js", "mcp-js", "openai-agents-js")
STRICT = [
    "--strict",
    "--noUncheckedIndexedAccess",
    "--exactOptionalPropertyTypes",
    "--module",
    "nodenext",
    "--target",
    "es2022",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh project with the packed client as its only dependency."""
    build()
    folder = tmp_path_factory.mktemp("fresh")
    npm("pack", "--ignore-scripts", "--pack-destination", folder)
    (folder / "package.json").write_text(json.dumps({"name": "fresh", "private": True, "type": "module"}))
    (tarball,) = folder.glob("*.tgz")
    npm("install", "--offline", "--no-audit", "--no-fund", tarball, at=folder)
    return folder


def test_the_package_holds_what_it_needs(project: Path) -> None:
    """Code, types and a README: no sources, no tests, no dependencies."""
    (tarball,) = project.glob("*.tgz")
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert {
        "package/package.json",
        "package/README.md",
        "package/dist/index.js",
        "package/dist/index.d.ts",
    } <= set(names)
    assert [
        name
        for name in names
        if not re.match(r"package/(dist/.*\.(js|d\.ts)|package\.json|README\.md|LICENSE)$", name)
    ] == []
    assert sorted(
        path.name for path in (project / "node_modules").iterdir() if not path.name.startswith(".")
    ) == ["acs-sidecar-client"]


def test_the_pages_install_what_is_packed(project: Path) -> None:
    """A folder would be linked as it is, without what is compiled; the version is that of the package."""
    (tarball,) = project.glob("*.tgz")
    pages = [PACKAGE / "README.md", *(ROOT / "docs" / "agents" / f"{name}.md" for name in PAGES)]
    for page in pages:
        assert f"npm install ./{tarball.name}" in page.read_text()
    assert "npm pack ./clients/typescript\n" in pages[0].read_text()


@pytest.mark.parametrize(("code", "printed"), [example[1:] for example in README], ids=[e[0] for e in README])
def test_an_example_of_the_readme(project: Path, service: Service, code: str, printed: str) -> None:
    """Each example compiles under `--strict` and prints what stands below it."""
    (project / "example.ts").write_text(code)
    run_node(MODULES / "typescript" / "bin" / "tsc", *STRICT, "example.ts", at=project)
    assert run_node("example.js", at=project, settings={"ACSCLIENT_URL": service.url}) == printed


def test_the_reference_is_that_of_the_code(tmp_path: Path) -> None:
    """`npm run reference` writes `api/` anew."""
    run_node(MODULES / "typedoc" / "bin" / "typedoc", "--out", tmp_path / "api")
    assert _texts(tmp_path / "api") == _texts(PACKAGE / "api")


def _texts(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.md"))}


def test_misuse_does_not_compile(project: Path) -> None:
    """Types say what a session takes."""
    lines = [
        'import { Client, govern } from "acs-sidecar-client";',
        "const client = new Client();",
        "// @ts-expect-error a misspelt option",
        "new Client({ timeout: 5 });",
        "// @ts-expect-error a point that there is not",
        'client.session("a", { points: ["inputs"] });',
        "// @ts-expect-error a governed function returns a promise",
        'const n: number = govern((x: { a: number }) => x.a, { name: "f" })({ a: 1 });',
        "// @ts-expect-error and takes what the function takes",
        'govern((x: { a: number }) => x.a, { name: "f" })({ a: "1" });',
    ]
    (project / "misuse.ts").write_text("\n".join(lines))
    run_node(MODULES / "typescript" / "bin" / "tsc", *STRICT, "--noEmit", "misuse.ts", at=project)


@pytest.mark.parametrize("name", ["ai", "langchain", "mcp", "openai-agents"])
def test_an_example_compiles_against_the_package(project: Path, name: str) -> None:
    """Its types fit those of the framework, as a project with both installed sees them."""
    folder = project / "frameworks" / name
    (folder / "node_modules").mkdir(parents=True)
    for module in MODULES.iterdir():
        (folder / "node_modules" / module.name).symlink_to(module)
    (folder / "node_modules" / "acs-sidecar-client").symlink_to(
        project / "node_modules" / "acs-sidecar-client"
    )
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(PACKAGE / "examples" / f"{name}.ts", folder)
    options = ["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "--noEmit"]
    run_node(MODULES / "typescript" / "bin" / "tsc", *options, "--preserveSymlinks", f"{name}.ts", at=folder)


@pytest.mark.parametrize("is_old", [False, True], ids=["the newest Node", "the oldest Node"])
def test_plain_javascript(project: Path, service: Service, is_old: bool) -> None:
    """No types are needed to be governed."""
    (project / "plain.mjs").write_text(
        'import { Client, govern } from "acs-sidecar-client";\n'
        'const client = new Client({ manifest: "governed" });\n'
        'const send = govern(({ to }) => `sent to ${to}`, { name: "send_email" });\n'
        'await client.session("a").run(async () => console.log(await send({ to: "x@example.org" })));\n'
    )
    node = old_node() if is_old else NODE
    assert (
        run_node("plain.mjs", node=node, at=project, settings={"ACSCLIENT_URL": service.url})
        == "sent to team@example.com\n"
    )


def test_a_runtime_without_node(project: Path, service: Service, tmp_path: Path) -> None:
    """Without Node's modules, as bundlers for other runtimes resolve the package, it sends with `fetch`."""
    shutil.copytree(project / "node_modules", tmp_path / "node_modules")
    path = tmp_path / "node_modules" / "acs-sidecar-client" / "package.json"
    manifest = json.loads(path.read_text())
    del manifest["imports"]["#platform"]["node"]
    path.write_text(json.dumps(manifest))
    (tmp_path / "web.mjs").write_text(
        'import { Client } from "acs-sidecar-client";\n'
        f'const client = new Client({{ url: "{service.url}", manifest: "governed" }});\n'
        'console.log((await client.session("a").output("secret-123")).value);\n'
        'for (const options of [{ tokenFile: "x" }, { url: "unix:///x" }]) {\n'
        "  try { new Client(options); } catch (error) { console.log(error.message); }\n"
        "}\n"
        'await client.session("a").output(new Uint8Array(1)).catch((error) => console.log(error.message));\n'
    )
    assert run_node("web.mjs", at=tmp_path).splitlines() == [
        "[secret]",
        "`x` cannot be read: files need Node",
        "`fetch` reaches no Unix socket: use Node",
        "denied by policy: runtime_error:request_invalid: $.response.content cannot be read",
    ]
