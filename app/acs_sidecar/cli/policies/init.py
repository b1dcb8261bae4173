"""`acs-sidecar init`: the beginnings of an agent, which pass `validate` and `test` (section 8.1)."""

from pathlib import Path

import typer

from acs_sidecar.cli.output import fail, say
from acs_sidecar.spec.printable import printable

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

intervention_points:
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

  - name: personal data does not leave
    intervention_point: output
    snapshot: {response: {content: "Write to jo@corp.example"}}
    expect: {decision: transform, reason: redaction_applied}
    expect_target: "Write to [REDACTED]"
"""
_SETTINGS = """\
# `acs-sidecar serve --config settings.yaml`; `acs-sidecar config` lists every setting.
ACS_MANIFESTS: agent
"""
_FILES = {
    "agent/manifest.yaml": _MANIFEST,
    "agent/config.yaml": _CONFIG,
    "agent/tests/cases.yaml": _CASES,
    "settings.yaml": _SETTINGS,
}


def init(
    directory: Path = typer.Argument(help="directory to write into; it must be empty, or not exist"),
) -> None:
    """Write a manifest with the stock library, its configuration, three cases and settings.

    Example: `acs-sidecar init my-agent && acs-sidecar test my-agent/agent`
    """
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            fail(f"`{printable(str(directory))}` is not an empty directory: choose another")
        for name, text in _FILES.items():
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    except OSError as error:
        fail(f"`{printable(str(directory))}`: {error.strerror}")
    for name in _FILES:
        say(printable(f"{directory / name}"))
