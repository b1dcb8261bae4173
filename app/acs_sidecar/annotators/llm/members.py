"""The members of an `llm` annotator, and those of each provider (section 1.6)."""

from collections.abc import Mapping

from acs_sidecar.annotators.declarations import CALL_MEMBERS, SERVER_MEMBERS, TEXT, integer
from acs_sidecar.annotators.host import HOST
from acs_sidecar.spec.manifest.declaration import Member, MemberTable, secret_members

__all__ = ["MEMBERS", "PROVIDER_MEMBERS"]

MEMBERS: MemberTable = {
    "provider": Member(
        "Whose API is spoken; `openai` by default. `host`: the annotation is what the host brings.", TEXT
    ),
    "system_prompt": Member("What the model judges, and which labels there are.", TEXT),
    "prompt": Member("The same as `system_prompt`.", TEXT),
    "system_prompt_file": Member("The file of the prompt. Relative to the manifest.", TEXT, file=True),
    "system_prompt_url": Member(
        "The HTTPS URL of the prompt, with the hash of its bytes: `{url, sha256}`.",
        {"type": "object", "required": ["url"]},
        fetched=True,
    ),
    "label_field": Member("The member of the answer that holds the label; `label` by default.", TEXT),
    "temperature": Member(
        "0 by default; `null` leaves it out, for models that refuse it.",
        {"type": ["number", "null"], "minimum": 0, "maximum": 2},
    ),
    "max_tokens": Member("The longest answer; whatever the model allows by default.", integer(1, 1_000_000)),
    "provider_config": Member("Further members of the request's body.", {"type": "object"}, secret=True),
    **CALL_MEMBERS,
    **SERVER_MEMBERS,
}

_MODEL: MemberTable = {"model": Member("The name of the model.", TEXT)}
_REGION: MemberTable = {"aws_region": Member("The region of the model.", TEXT, secret=True)}

PROVIDER_MEMBERS: Mapping[str, MemberTable] = {
    "openai": _MODEL,
    "openai_compatible": _MODEL,
    "azure_openai": {
        **_MODEL,
        "deployment": Member("The name of the deployment.", TEXT),
        "api_version": Member("The version of the API; `2024-10-21` by default.", TEXT),
    },
    "bedrock": {
        **_MODEL,
        **_REGION,
        **secret_members("aws_access_key_id", "The access key that signs requests."),
        **secret_members("aws_secret_access_key", "The secret of the access key."),
        **secret_members("aws_session_token", "The session token of temporary credentials."),
    },
    "gemini": _MODEL,
    "ollama": _MODEL,
    HOST: {},
}
