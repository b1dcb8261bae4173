"""AWS Signature Version 4, held to the vectors that AWS publishes and to what its own library signs."""

import json
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.outbound.sigv4 import Credentials, signed_headers

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "sigv4.json").read_text())


def _signed(request: dict[str, Any]) -> dict[str, str]:
    credentials = Credentials(**VECTORS["credentials"], session_token=request["session_token"])
    return signed_headers(
        credentials,
        method=request["method"],
        url=request["url"],
        headers=request["headers"],
        body=request["body"].encode(),
        region=request["region"],
        service=request["service"],
        moment=request["moment"],
    )


@pytest.mark.parametrize("request_", VECTORS["requests"], ids=lambda request: request["name"])
def test_a_published_signature(request_: dict[str, Any]) -> None:
    """The signature is the published one, over exactly the headers that are sent."""
    sent = _signed(request_)
    scope = f"20150830/{request_['region']}/{request_['service']}/aws4_request"
    names = ";".join(sorted(name.lower() for name in sent if name != "Authorization"))
    assert sent["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, Signature={request_['signature']}"
    )
    assert sent.get("X-Amz-Security-Token", "") == request_["session_token"]


def test_every_part_is_covered() -> None:
    """Another method, path, query, header, body, region or moment is another signature."""
    base = VECTORS["requests"][-1]
    changes = {
        "method": "PUT",
        "url": base["url"] + "?a=b",
        "headers": {"Content-Type": "text/plain"},
        "body": "{}",
        "region": "us-west-2",
        "moment": "20150830T123601Z",
        "session_token": "t",
    }
    signatures = {_signed(base | {name: value})["Authorization"][-64:] for name, value in changes.items()}
    assert len(signatures | {base["signature"]}) == len(changes) + 1


def test_secrets_are_not_shown() -> None:
    """Credentials that reach a log or a traceback show the access key's name alone."""
    assert repr(Credentials("AKID", "s3cret", "t0ken")) == "Credentials(access_key_id='AKID')"
