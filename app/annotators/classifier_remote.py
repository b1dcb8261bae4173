"""The `classifier` annotators that ask a provider (contract 1.6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from app.annotators.api import ReplyError
from app.annotators.classifier_api import ModerationApi
from app.annotators.classifier_azure import azure_content_safety
from app.annotators.classifier_lakera import lakera_guard
from app.annotators.classifier_llama_guard import llama_guard
from app.annotators.classifier_openai import openai_moderation
from app.annotators.classifier_perspective import perspective
from app.annotators.http import HttpClient
from app.annotators.members import Members
from app.annotators.remote import Remote, remote
from app.core.canonical import canonical
from app.core.ports import AnnotatorContext, AnnotatorType
from app.core.values import Json, JsonObject

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
        """Give `{flagged, score, label, categories, findings, scores}`."""
        text = value if isinstance(value, str) else canonical(value).decode()
        reply = await self.remote.call(lambda: self.api.request(text))
        try:
            return self.api.judgement(reply).annotation()
        except ReplyError as error:
            raise self.remote.failed(str(error)) from None


def remote_providers(client: HttpClient) -> Mapping[str, AnnotatorType]:
    """Give a builder for each provider that is asked over the network."""
    return {name: partial(_built, provider=each, client=client) for name, each in PROVIDERS.items()}


def _built(
    name: str,
    path: str,
    invocation: JsonObject,
    context: AnnotatorContext,
    *,
    provider: Provider,
    client: HttpClient,
) -> RemoteClassifier:
    members = Members(path, invocation, context)
    annotator = RemoteClassifier(remote=remote(name, members, client), api=provider(members))
    members.check()
    return annotator
