"""`acs-sidecar init`: the beginnings of an agent, which pass `validate` and `test` (section 8.1)."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import typer

from acs_sidecar.cli.output import fail, say
from acs_sidecar.detectors.tool_pins.definition_drift import CRITICAL
from acs_sidecar.detectors.tool_pins.tool_lists import pins_of
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.suggestions import did_you_mean
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import JsonObject

__all__ = ["init"]

_MANIFEST = """\
# An agent under the stock library. Each section of `config.yaml` is on; the first that speaks decides.
agent_control_specification_version: 0.3.1-beta
metadata:
  name: agent

policies:
  house:
    type: rego
    library: stock-1
    config: config.yaml
  definitions:
    type: rego
    bundle: policies
    query: data.definitions.verdict

annotators:
  definitions: {type: classifier, provider: mcp_tool, pins_file: pins.json}

intervention_points:
  # What the tools say of themselves is held to `pins.json`, which `acs-sidecar mcp pin` writes.
  agent_startup:
    policy_target: $snap.agent_init.tools
    policy: {id: definitions}
    annotations:
      definitions: {from: $policy_target}
  input:
    policy_target: $snap.input.text
    policy: {id: house}
  pre_tool_call:
    policy_target: $snap.tool_call.args
    tool_name_from: $snap.tool_call.name
    policy: {id: house}
  post_tool_call:
    policy_target: $snap.tool_result.value
    tool_name_from: $snap.tool_call.name
    policy: {id: house}
  output:
    policy_target: $snap.response.content
    policy: {id: house}

# A tool that is not here is denied.
tools:
  fetch: {}
"""
_CONFIG = """\
# `acs-sidecar schema --kind stock` prints what may stand here.
egress:
  allowlist: [api.example.com, "*.docs.example.com"]
  required_for: [fetch]
  points: [pre_tool_call]
patterns:
  presets: [pii_secret]
  points: [input, pre_tool_call]
redact:
  presets: [pii_email, pii_credit_card, pii_ssn, pii_secret]
  points: [post_tool_call, output]
"""
_CASES = """\
cases:
  - name: an allowed address
    intervention_point: pre_tool_call
    snapshot: {tool_call: {name: fetch, args: {url: "https://api.example.com/v1"}}}
    expect: {decision: allow}

  - name: an address that poses as an allowed one
    intervention_point: pre_tool_call
    snapshot: {tool_call: {name: fetch, args: {url: "https://api.example.com@evil.example/"}}}
    expect: {decision: deny, reason: egress_destination_not_allowed}

  - name: a question
    intervention_point: input
    snapshot: {input: {text: "How do I page through the results?"}}
    expect: {decision: allow}

  - name: a key in a question
    intervention_point: input
    snapshot: {input: {text: "Why is AKIAZ7Q2M4X8C3V5B6N9 refused?"}}
    expect: {decision: deny, reason: pattern_blocked}

  - name: a page of the documentation
    intervention_point: post_tool_call
    snapshot: {tool_call: {name: fetch}, tool_result: {value: "Add ?page=2 to the address."}}
    expect: {decision: allow}

  - name: personal data in a page stays there
    intervention_point: post_tool_call
    snapshot: {tool_call: {name: fetch}, tool_result: {value: "Ask jo@corp.example."}}
    expect: {decision: transform, reason: redaction_applied}
    expect_target: "Ask [REDACTED]."

  - name: an answer
    intervention_point: output
    snapshot: {response: {content: "Add ?page=2 to the address."}}
    expect: {decision: allow}

  - name: personal data does not leave
    intervention_point: output
    snapshot: {response: {content: "Write to jo@corp.example"}}
    expect: {decision: transform, reason: redaction_applied}
    expect_target: "Write to [REDACTED]"
"""
_CRITICAL = "\n".join(f'\t"{kind}",' for kind in CRITICAL if kind != "tool_added")  # that one is unpinned
_DEFINITIONS = """\
package definitions

import rego.v1

# What the model obeys, and what it must now give: `acs-sidecar mcp diff` names the kinds.
critical := {
CRITICAL
}

found := input.annotations.definitions

default verdict := {"decision": "allow"}

verdict := {"decision": "deny", "reason": "tool_definition_changed"} if changed

verdict := {"decision": "warn", "reason": "tool_definition_differs"} if {
	differs
	not changed
}

changed if "unpinned_tool" in found.categories

changed if {
	some kind in found.kinds
	kind in critical
}

differs if "definition_drift" in found.categories

differs if "missing_tool" in found.categories
""".replace("CRITICAL", _CRITICAL)
_FETCH: JsonObject = {
    "name": "fetch",
    "description": "Fetch a page of the documentation.",
    "inputSchema": {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
}
_DEFINITION_CASES = """\
# What the classifier finds is given here; the service holds the tools to the pins.
cases:
  - name: tools as they were pinned
    intervention_point: agent_startup
    snapshot: &pinned
      agent_init:
        tools:
          - name: fetch
            description: Fetch a page of the documentation.
            inputSchema: {type: object, properties: {url: {type: string}}, required: [url]}
    annotations: {definitions: {categories: []}}
    expect: {decision: allow}

  - name: a tool that tells the model something else
    intervention_point: agent_startup
    snapshot: *pinned
    annotations: {definitions: {categories: [definition_drift], kinds: [description_changed, title_changed]}}
    expect: {decision: deny, reason: tool_definition_changed}

  - name: a tool with another title
    intervention_point: agent_startup
    snapshot: *pinned
    annotations: {definitions: {categories: [definition_drift], kinds: [title_changed]}}
    expect: {decision: warn, reason: tool_definition_differs}

  - name: a tool that nobody pinned
    intervention_point: agent_startup
    snapshot: *pinned
    annotations: {definitions: {categories: [missing_tool, unpinned_tool]}}
    expect: {decision: deny, reason: tool_definition_changed}
"""
_SETTINGS = """\
# In this directory: `acs-sidecar serve --config settings.yaml`; `acs-sidecar config` lists every setting.
ACS_MANIFESTS: manifests
"""
_STOCK = {
    "manifests/agent/manifest.yaml": _MANIFEST,
    "manifests/agent/config.yaml": _CONFIG,
    "manifests/agent/pins.json": canonical(pins_of({"agent": [_FETCH]})).decode() + "\n",
    "manifests/agent/policies/definitions.rego": _DEFINITIONS,
    "manifests/agent/tests/cases.yaml": _CASES,
    "manifests/agent/tests/definitions.yaml": _DEFINITION_CASES,
}
_EXAMPLES = files("acs_sidecar") / "examples"
_NAMES = tuple(sorted(one.name for one in _EXAMPLES.iterdir() if one.is_dir()))


def init(
    directory: Path = typer.Argument(help="directory to write into; it must be empty, or not exist"),
    stock: bool = typer.Option(False, "--stock", help="an agent under the stock library; the default"),
    example: str | None = typer.Option(
        None, metavar="NAME", help=f"an example instead, as it is published: {', '.join(_NAMES)}"
    ),
) -> None:
    """Write a manifest with its configuration, test cases and settings: it is valid and its cases pass.

    Example: `acs-sidecar init my-agent && acs-sidecar test my-agent/manifests`
    """
    if stock and example is not None:
        fail("--stock and --example exclude each other")
    contents = dict(_STOCK) if example is None else _example(example)
    contents["settings.yaml"] = _SETTINGS
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            fail(f"`{printable(str(directory))}` is not an empty directory: choose another")
        for name, text in contents.items():
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf_8", newline="")
            if text.startswith("#!"):
                file.chmod(0o755)
    except OSError as error:
        fail(f"`{printable(str(directory))}`: {error.strerror}")
    for name in contents:
        say(printable(f"{directory / name}"))


def _example(name: str) -> dict[str, str]:
    """Return the files of an example by their paths, or end the command with the names that there are."""
    if name not in _NAMES:
        fail(f"--example: `{name}` is no example{did_you_mean(name, _NAMES)}: {', '.join(_NAMES)}")
    return dict(_files_below(_EXAMPLES / name, f"manifests/{name}"))


def _files_below(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for one in sorted(folder.iterdir(), key=lambda each: each.name):
        if one.is_dir():
            yield from _files_below(one, f"{path}/{one.name}")
        else:
            yield f"{path}/{one.name}", one.read_text(encoding="utf_8")
