"""The `endpoint` annotator: POST a value as JSON, take JSON back (contract 1.6)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import orjson

from app.core.canonical import canonical
from app.core.diagnostics import Diagnostic, ManifestError
from app.core.errors import EvaluationError, Reason
from app.core.values import Json, JsonObject

__all__ = ["EndpointAnnotator", "HttpClient", "endpoint_annotator"]

DEFAULT_TIMEOUT_MS = 10_000
MAX_TIMEOUT_MS = 600_000
MAX_REPLY_BYTES = 1024 * 1024
_OWN_HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json"}


class HttpClient:
    """One connection pool for all annotators of a process, opened at first use.

    Follows no redirects, uses no proxy, keeps no cookies and reads no credentials from anywhere.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Give the pool. Must be called from the event loop that will use it."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=100, limit_per_host=32),
                headers={"User-Agent": "acs-sidecar"},
                auto_decompress=False,
            )
        return self._session

    async def close(self) -> None:
        """Close the pool; safe to call when it never opened."""
        if self._session is not None:
            await self._session.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAnnotator:
    """Calls one URL with a deadline for the whole exchange."""

    name: str
    client: HttpClient
    url: str
    headers: Mapping[str, str]
    timeout_ms: int
    input_field: str
    response_field: str | None

    async def annotate(self, value: Json) -> Json:
        """POST `{input_field: value}` and give the reply, or the one member asked for."""
        body = canonical({self.input_field: value})
        try:
            async with asyncio.timeout(self.timeout_ms / 1000):
                reply = await self._post(body)
        except TimeoutError:
            raise EvaluationError(
                Reason.ANNOTATION_TIMEOUT,
                f"annotator `{self.name}` did not answer within {self.timeout_ms} ms",
            ) from None
        except (aiohttp.ClientError, OSError):
            raise self._failed("could not be reached") from None
        return self._picked(reply)

    async def _post(self, body: bytes) -> bytes:
        exchange = self.client.session().post(
            self.url,
            data=body,
            headers={**self.headers, **_OWN_HEADERS},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        async with exchange as response:
            if not 200 <= response.status < 300:
                raise self._failed(f"answered with status {response.status}")
            reply = bytearray()
            async for chunk in response.content.iter_chunked(65_536):
                reply += chunk
                if len(reply) > MAX_REPLY_BYTES:
                    raise self._failed(f"answered with more than {MAX_REPLY_BYTES} bytes")
            return bytes(reply)

    def _picked(self, reply: bytes) -> Json:
        try:
            value: Json = orjson.loads(reply)
        except orjson.JSONDecodeError:
            raise self._failed("answered with something that is not JSON") from None
        if self.response_field is None:
            return value
        if not isinstance(value, dict) or self.response_field not in value:
            raise self._failed(f"answered without the member `{self.response_field}`")
        return value[self.response_field]

    def _failed(self, what: str) -> EvaluationError:
        return EvaluationError(Reason.ANNOTATION_FAILED, f"annotator `{self.name}` {what}")


def endpoint_annotator(name: str, path: str, invocation: JsonObject, client: HttpClient) -> EndpointAnnotator:
    """Build the annotator from its invocation, named `path` in diagnostics. Raises `ManifestError`."""
    findings: list[Diagnostic] = []

    def wrong(member: str, message: str) -> None:
        findings.append(Diagnostic("annotator-member-invalid", message, f"{path}.{member}"))

    url = invocation.get("url")
    if not isinstance(url, str) or not _is_http(url):
        wrong("url", "must be an http or https URL without user and fragment")
    headers = invocation.get("headers", {})
    if not isinstance(headers, dict) or not all(_is_header(*item) for item in headers.items()):
        wrong("headers", "must map header names to strings without line breaks")
    timeout_ms = invocation.get("timeout_ms", DEFAULT_TIMEOUT_MS)
    if (
        isinstance(timeout_ms, bool)
        or not isinstance(timeout_ms, int)
        or not 0 < timeout_ms <= MAX_TIMEOUT_MS
    ):
        wrong("timeout_ms", f"must be an integer from 1 to {MAX_TIMEOUT_MS}")
    input_field = invocation.get("input_field", "input")
    if not isinstance(input_field, str) or not input_field.strip():
        wrong("input_field", "must be the name of a member")
    response_field = invocation.get("response_field")
    if response_field is not None and (not isinstance(response_field, str) or not response_field.strip()):
        wrong("response_field", "must be the name of a member")
    if findings:
        raise ManifestError(findings)
    return EndpointAnnotator(
        name=name,
        client=client,
        url=str(url),
        headers={key: str(value) for key, value in headers.items()} if isinstance(headers, dict) else {},
        timeout_ms=timeout_ms if isinstance(timeout_ms, int) else DEFAULT_TIMEOUT_MS,
        input_field=str(input_field),
        response_field=None if response_field is None else str(response_field),
    )


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it is the check: a bad port raises
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and "#" not in url
    )


def _is_header(name: str, value: Json) -> bool:
    token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return token and isinstance(value, str) and not any(character in value for character in "\r\n\0")
