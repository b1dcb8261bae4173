"""The members of a `classifier` annotator, by provider (section 1.6)."""

from collections.abc import Mapping

from acs_sidecar.annotators.declarations import (
    API_KEY_MEMBERS,
    CALL_MEMBERS,
    SERVER_MEMBERS,
    TEXT,
    TEXTS,
    URL,
)
from acs_sidecar.annotators.host import HOST
from acs_sidecar.detectors.members import DETECTOR_MEMBERS
from acs_sidecar.spec.manifest.declaration import Member, MemberTable

__all__ = ["MEMBERS", "PROVIDER_MEMBERS", "REMOTE_PROVIDER_MEMBERS"]

MEMBERS: MemberTable = {"provider": Member("The detector, or the moderation service that is asked.", TEXT)}

_THRESHOLDS: MemberTable = {
    "threshold": Member(
        "The score from which on a category counts as found; 0.5 by default.",
        {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    ),
    "category_thresholds": Member(
        "Category → a threshold of its own.",
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}},
    ),
}
_REMOTE: MemberTable = {**CALL_MEMBERS, **SERVER_MEMBERS}

REMOTE_PROVIDER_MEMBERS: Mapping[str, MemberTable] = {
    "azure_content_safety": {
        **CALL_MEMBERS,
        **API_KEY_MEMBERS,
        **_THRESHOLDS,
        "endpoint": Member("The URL of the resource.", URL, url=True),
        "api_version": Member("The version of the API; `2024-09-01` by default.", TEXT),
        "categories": Member("What is looked for; everything by default.", TEXTS),
        "blocklists": Member("Names of block lists; a match is the category `blocklist`.", TEXTS),
    },
    "lakera_guard": {
        **_REMOTE,
        **_THRESHOLDS,
        "project_id": Member("The project, whose policy decides what is flagged.", TEXT),
        "role": Member("Whose message it is; `user` by default.", {"enum": ["user", "assistant"]}),
    },
    "llama_guard": {**_REMOTE, **_THRESHOLDS, "model": Member("The name of the model.", TEXT)},
    "openai_moderation": {
        **_REMOTE,
        **_THRESHOLDS,
        "model": Member("The name of the model; `omni-moderation-latest` by default.", TEXT),
    },
    "perspective": {
        **_REMOTE,
        **_THRESHOLDS,
        "categories": Member("Attributes that are asked for; six by default.", TEXTS),
        "languages": Member("Languages of the text; found out by default.", TEXTS),
    },
}

PROVIDER_MEMBERS: Mapping[str, MemberTable] = {**DETECTOR_MEMBERS, **REMOTE_PROVIDER_MEMBERS, HOST: {}}
