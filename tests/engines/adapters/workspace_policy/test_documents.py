"""Sections 10.1 and 10.2: the form of documents, and what is refused of their text."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.workspace_policy.checking import read_form
from acs_sidecar.engines.adapters.workspace_policy.document.model import (
    ComplianceRules,
    ModelRules,
    PolicyContent,
    ToolRules,
)
from acs_sidecar.engines.adapters.workspace_policy.document.schema import policy_schema
from acs_sidecar.engines.adapters.workspace_policy.document.text import MAX_BYTES
from acs_sidecar.engines.findings import SourceLocation
from tests.conftest import ROOT
from tests.engines.adapters.workspace_policy.vectors import FOLDER, content, document

AT = SourceLocation("policies.workspace.file", "policy.json")
FIRST = content("active-1.json").decode()
VALID = jsonschema.Draft202012Validator(policy_schema())


def errors(text: str | bytes) -> list[str]:
    """Each error as `line:column path: message [code]`, without the file and the manifest's member."""
    given = text if isinstance(text, bytes) else text.encode()
    policy, found = read_form(given, AT)
    assert (policy is None) == bool(found)
    assert {each.source for each in found} <= {"policy.json"}
    return [
        f"{each.line}:{each.column} {(each.path or '').removeprefix(AT.path).removeprefix('.')}: "
        f"{each.message} [{each.code}]"
        for each in found
    ]


def changed(change: Callable[[Any], object]) -> str:
    """The first document after a change, laid out as it was."""
    value = document("active-1.json")
    change(value)
    return json.dumps(value, indent=1)


def test_what_a_document_says() -> None:
    """The rules of a content, in the service's own values."""
    policy, _ = read_form(content("active-2.json"), AT)
    assert policy is not None
    assert policy.content == PolicyContent(
        ModelRules(("openai", "anthropic"), ("gpt-4o", "claude-*"), ("gpt-4o-mini",)),
        ToolRules(("calculator", "web_search", "send_mail"), ("file_write", "shell_*"), ("send_mail",)),
        ComplianceRules(("soc2",), True, "eu"),
    )
    assert policy.artefact == "workspace-policy:policy_abc123:2:f4a6054c6d4f1d83"
    empty, _ = read_form(changed(lambda value: value.update(content={})).encode(), AT)
    assert empty is not None
    assert empty.content == PolicyContent()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            lambda value: value["content"]["agent"]["capabilities"].update(allow_tools=["x"]),
            '31:5 content.agent.capabilities.allow_tools: unknown member `allow_tools`, did you mean `allowed_tools`?; '
            "known are `allowed_tools`, `denied_tools`, `require_tool_approval` [member-unknown]",
        ),
        (
            lambda value: value["content"].update(agents={}),
            "41:3 content.agents: unknown member `agents`, did you mean `agent`?; known are `agent`, `compliance` [member-unknown]",
        ),
        (lambda value: value.pop("content"), "1:1 : `content` is missing [member-missing]"),
        (
            lambda value: value.pop("signing_key_id"),
            "1:1 : `signing_key_id` is missing: it names the key that signed [member-missing]",
        ),
        (
            lambda value: value.update(version=1),
            "4:2 version: must be a text of a decimal integer from 1 on, of at most 18 digits [wrong-type]",
        ),
        *(
            (
                lambda value, version=version: value.update(version=version),
                "4:2 version: must be a text of a decimal integer from 1 on, of at most 18 digits [value-not-allowed]",
            )
            for version in ("0", "01", "1.0", "1e3", "-1", "+1", " 1", "1\n", "\u0661", "1" * 19, "")
        ),
        *(
            (
                lambda value, moment=moment: value.update(activated_at=moment),
                "42:2 activated_at: must be an RFC 3339 time in UTC, such as 2027-01-31T00:00:00Z [value-not-allowed]",
            )
            for moment in (
                "2026-02-30T00:00:00Z",
                "2026-01-01T24:00:00Z",
                "2026-01-01T00:00:60Z",
                "2026-01-01T00:00:00+00:00",
                "2026-01-01T00:00:00z",
                "2026-01-01T00:00:00.1234567Z",
                "0000-01-01T00:00:00Z",
                "\uff12026-01-01T00:00:00Z",
            )
        ),
        (
            lambda value: value.update(workspace_id="../ws"),
            "3:2 workspace_id: must be 1 to 128 characters from A-Z a-z 0-9 . _ : -, the first a letter or digit [value-not-allowed]",
        ),
        (
            lambda value: value.update(status="Active"),
            "5:2 status: must be one of `draft`, `active`, `superseded`, `revoked` [value-not-allowed]",
        ),
        (
            lambda value: value.update(status=["active"]),
            "5:2 status: must be one of `draft`, `active`, `superseded`, `revoked` [wrong-type]",
        ),
        (
            lambda value: value.update(signature_scheme="acs-sidecar/workspace-policy/v2"),
            "45:2 signature_scheme: must be one of `acs-sidecar/workspace-policy/v1` [value-not-allowed]",
        ),
        (
            lambda value: value.update(supersedes=None),
            "47:2 supersedes: must be 64 lower-case hex digits [wrong-type]",
        ),
        (
            lambda value: value["content"]["agent"]["models"].update(denied_models="gpt"),
            "17:5 content.agent.models.denied_models: must be a list of names [wrong-type]",
        ),
        (
            lambda value: value["content"]["agent"]["models"].update(denied_models=["a", 1]),
            "19:6 content.agent.models.denied_models[1]: must be a text [wrong-type]",
        ),
        (
            lambda value: value["content"]["agent"]["models"].update(denied_models=["a", "a"]),
            "19:6 content.agent.models.denied_models[1]: is listed twice [value-not-allowed]",
        ),
        *(
            (
                lambda value, name=name: value["content"]["agent"]["models"].update(denied_models=[name]),
                "18:6 content.agent.models.denied_models[0]: must be a name of at most 256 characters without "
                "white space in front, with `*` at most at its end [value-not-allowed]",
            )
            for name in ("", " a", "\ufeffa", "a*b", "**", "x" * 256)
        ),
        (
            lambda value: value["content"]["agent"]["models"].update(denied_models=[str(n) for n in range(1001)]),
            "17:5 content.agent.models.denied_models: must have at most 1000 entries [value-not-allowed]",
        ),
        (
            lambda value: value["content"]["agent"]["capabilities"].update(require_tool_approval="all"),
            "30:5 content.agent.capabilities.require_tool_approval: must be `true`, `false` or a list of names [wrong-type]",
        ),
        (
            lambda value: value["content"]["compliance"].update(require_audit_logging=1),
            "38:4 content.compliance.require_audit_logging: must be `true` or `false` [wrong-type]",
        ),
        (
            lambda value: value["content"]["compliance"].update(data_residency="EU"),
            "39:4 content.compliance.data_residency: must be a region in lower case, such as `us` or `eu-west-1` [value-not-allowed]",
        ),
        (lambda value: value["content"].update(agent=[]), "7:3 content.agent: must be an object [wrong-type]"),
    ],
)  # fmt: skip
def test_a_fault_of_form(change: Callable[[Any], object], error: str) -> None:
    """Each is an error at the place of the member."""
    assert errors(changed(change)) == [error]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "1:1 : must be an object [wrong-type]"),
        ("", "1:1 : is not JSON: Expecting value [document-syntax]"),
        ("policy_id: a\n", "1:1 : is not JSON: Expecting value [document-syntax]"),
        ("\ufeff" + FIRST, "1:1 : begins with a byte order mark: remove it [document-syntax]"),
        (FIRST + "{}", "48:1 : is not JSON: Extra data [document-syntax]"),
        (FIRST.replace('"status"', "// no\n 'status'"), "5:2 : is not JSON: Expecting property name enclosed in double quotes [document-syntax]"),
        (FIRST.replace("{", "{\n", 1).replace(' "version"', ' "version": "9",\n "version"'), "6:2 : the member `version` occurs twice [document-syntax]"),
        (FIRST.replace(' "version"', ' "versi\\u006fn": "9",\n "version"'), "5:2 : the member `version` occurs twice [document-syntax]"),
        ('{"a":\t1,\n\t"a": 2}', "2:2 : the member `a` occurs twice [document-syntax]"),
        ('{"a": 1e999}', "None:None : a number is not finite [document-syntax]"),
        ('{"a": NaN}', "None:None : `NaN` is not a finite number [document-syntax]"),
        ('{"a": ' + "9" * 30 + "}", "None:None : an integer does not fit 64 bits [document-syntax]"),
        ('{"a": "\\ud800"}', "None:None : a string holds a lone surrogate [document-syntax]"),
        ('{"a":\t1, "b": {"a\\u0062":1,"ab":1}}', "1:28 : the member `ab` occurs twice [document-syntax]"),
        ("[" * 17 + "]" * 17, "None:None : nested deeper than 16 levels [policy-bound-exceeded]"),
        ("[" * 200_000, "None:None : nested deeper than 64 levels [policy-bound-exceeded]"),
        (FIRST + " " * MAX_BYTES, "None:None : exceeds 1048576 bytes [policy-bound-exceeded]"),
        (b"\xff\xfe{\x00}\x00", "None:None : is not UTF-8 at byte 0 [document-syntax]"),
        (b'{"a": "\xed\xa0\x80"}', "None:None : is not UTF-8 at byte 7 [document-syntax]"),
        (b'{"a": "\xc0\xaf"}', "None:None : is not UTF-8 at byte 7 [document-syntax]"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_document(text: str | bytes, error: str) -> None:
    """It is one strict JSON value, of bounded size and depth, or refused."""
    assert errors(text) == [error]


def test_the_schema_is_that_of_the_vectors() -> None:
    """The schema of the table, which the reader uses, is the published one."""
    assert policy_schema() == json.loads((FOLDER / "policy.schema.json").read_text())
    checked_in = ROOT / "openapi" / "workspace-policy.schema.json"
    assert policy_schema() == json.loads(checked_in.read_text()), "run `make schema`"


@given(
    st.recursive(
        st.sampled_from(
            ["gpt-4o", "a*", "*", "us", "1", "2026-01-01T00:00:00Z", "active", "0" * 64, True, 1]
        ),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [*document("active-2.json"), "agent", "models", "allowed_models", "compliance"]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=12,
    )
)
def test_the_schema_is_never_stricter_than_the_reader(part: Any) -> None:
    """Whatever the reader accepts, an editor does not mark."""
    value = document("active-2.json") | (part if isinstance(part, dict) else {"content": part})
    policy, _ = read_form(json.dumps(value).encode(), AT)
    assert policy is None or VALID.is_valid(value)
