"""The `endpoint` annotator: POST a value as JSON, take JSON back (section 1.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.annotators.declarations import CALL_MEMBERS, TEXT, URL
from acs_sidecar.annotators.host import HOST
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest, Remote, remote
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.ports import AnnotatorContext
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["MEMBERS", "EndpointAnnotator", "endpoint_annotator"]

MEMBERS: MemberTable = {
    "provider": Member(
        "`host`: the annotation is what the host brings, and nothing is called.", {"const": HOST}
    ),
    **CALL_MEMBERS,
    "url": Member("The URL of your service.", URL, url=True),
    "input_field": Member("The member of the request that holds the value; `input` by default.", TEXT),
    "response_field": Member("The member of the reply that is the annotation; all of it by default.", TEXT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAnnotator:
    """Calls one URL."""

    remote: Remote
    url: str
    headers: Mapping[str, str] = field(repr=False)
    input_field: str
    response_field: str

    async def annotate(self, value: Json) -> Json:
        """POST `{input_field: value}` and return the reply, or the one member asked for."""
        request = HttpRequest(self.url, self.headers, canonical({self.input_field: value}))
        reply = await self.remote.call(lambda: request)
        if not self.response_field:
            return reply
        if not isinstance(reply, dict) or self.response_field not in reply:
            raise self.remote.failed(f"returned no member `{self.response_field}`")
        return reply[self.response_field]


def endpoint_annotator(
    name: str, path: str, invocation: JsonObject, context: AnnotatorContext, client: HttpClient
) -> EndpointAnnotator:
    """Build the annotator from its invocation, named `path` in diagnostics. Raises `ManifestError`."""
    members = Members(path, invocation, context, MEMBERS)
    if "provider" in members:
        members.wrong("provider", f"must be `{HOST}`, or absent")
    if "url" not in members:
        message = "must be an http or https URL without user information and fragment; "
        members.wrong("url", f"{message}or `provider: {HOST}` for what the host brings")
    annotator = EndpointAnnotator(
        remote=remote(name, members, client),
        url=members.reachable("url", members.url("url")),
        headers=members.headers(),
        input_field=members.member_name("input_field", "input"),
        response_field=members.member_name("response_field"),
    )
    members.check()
    return annotator
