"""The `classifier` annotators that ask a provider (section 1.6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from acs_sidecar.annotators.api import ReplyError
from acs_sidecar.annotators.classifier.api import ModerationApi
from acs_sidecar.annotators.classifier.azure import azure_content_safety
from acs_sidecar.annotators.classifier.lakera import lakera_guard
from acs_sidecar.annotators.classifier.llama_guard import llama_guard
from acs_sidecar.annotators.classifier.members import REMOTE_PROVIDER_MEMBERS
from acs_sidecar.annotators.classifier.openai import openai_moderation
from acs_sidecar.annotators.classifier.perspective import perspective
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import Remote, remote
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.ports import AnnotatorContext, AnnotatorType
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["RemoteClassifier", "remote_providers"]

Provider = Callable[[Members], ModerationApi]

PROVIDERS: Mapping[str, Provider] = {
    "azure_content_safety": azure_content_safety,
    "lakera_guard": lakera_guard,
    "llama_guard": llama_guard,
    "openai_moderation": openai_moderation,
    "perspective": perspective,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteClassifier:
    """Asks a provider about one text; a value of another type goes as its canonical JSON."""

    remote: Remote
    api: ModerationApi

    async def annotate(self, value: Json) -> Json:
        """Return `{flagged, score, label, categories, findings, scores}`."""
        text = value if isinstance(value, str) else canonical(value).decode()
        reply = await self.remote.call(lambda: self.api.request(text))
        try:
            return self.api.judgement(reply).annotation()
        except ReplyError as error:
            raise self.remote.failed(str(error)) from None


def remote_providers(client: HttpClient) -> Mapping[str, AnnotatorType]:
    """Return the builders of the remote providers by name."""
    return {
        name: partial(_built, table=REMOTE_PROVIDER_MEMBERS[name], provider=each, client=client)
        for name, each in PROVIDERS.items()
    }


def _built(
    name: str,
    path: str,
    invocation: JsonObject,
    context: AnnotatorContext,
    *,
    table: MemberTable,
    provider: Provider,
    client: HttpClient,
) -> RemoteClassifier:
    members = Members(path, invocation, context, table)
    annotator = RemoteClassifier(remote=remote(name, members, client), api=provider(members))
    members.check()
    return annotator
