"""The `llm` annotator: a model judges a value and answers with JSON (section 1.6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from acs_sidecar.annotators.api import ReplyError
from acs_sidecar.annotators.host import HOST
from acs_sidecar.annotators.llm.api import ChatApi
from acs_sidecar.annotators.llm.bedrock import bedrock
from acs_sidecar.annotators.llm.gemini import gemini
from acs_sidecar.annotators.llm.members import MEMBERS, PROVIDER_MEMBERS
from acs_sidecar.annotators.llm.ollama import ollama
from acs_sidecar.annotators.llm.openai import azure_openai, openai, openai_compatible
from acs_sidecar.annotators.llm.prompt import system_prompt
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import Remote, remote
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import AnnotatorContext
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["PROVIDERS", "LlmAnnotator", "llm_annotator"]

_DEFAULT_PROVIDER = "openai"

Provider = Callable[[Members, str], ChatApi]

PROVIDERS: Mapping[str, Provider] = {
    "openai": openai,
    "openai_compatible": openai_compatible,
    "azure_openai": azure_openai,
    "bedrock": bedrock,
    "gemini": gemini,
    "ollama": ollama,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmAnnotator:
    """Asks a model about one value. The value goes out as data, in a message of its own."""

    remote: Remote
    api: ChatApi
    label_field: str

    async def annotate(self, value: Json) -> Json:
        """Return `{label, raw, answer}`: the label, the text of the answer, and the object that it is."""
        message = canonical({"input": value}).decode()
        reply = await self.remote.call(lambda: self.api.request(message))
        try:
            raw = self.api.text(reply)
        except ReplyError as error:
            raise self.remote.failed(str(error)) from None
        try:
            answer: Json = orjson.loads(raw)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise self.remote.failed("returned text that is not one JSON object")
        label = answer.get(self.label_field)
        if not isinstance(label, str):
            raise self.remote.failed(f"returned no string member `{self.label_field}`")
        return {"label": label, "raw": raw, "answer": answer}


def llm_annotator(
    name: str, path: str, invocation: JsonObject, context: AnnotatorContext, client: HttpClient
) -> LlmAnnotator:
    """Build the annotator from its invocation, named `path` in diagnostics. Raises `ManifestError`.

    A provider that nobody knows here is `adapter_unsupported`.
    """
    named = invocation.get("provider")
    called = named.replace("-", "_") if isinstance(named, str) and named.strip() else _DEFAULT_PROVIDER
    if called not in PROVIDERS:
        known = ", ".join(f"`{each}`" for each in sorted((*PROVIDERS, HOST)))
        message = f"is not a known provider; must be one of {known}"
        finding = Diagnostic("annotator-unsupported", message, f"{path}.provider")
        raise ManifestError([finding], Reason.ADAPTER_UNSUPPORTED)
    members = Members(path, invocation, context, {**MEMBERS, **PROVIDER_MEMBERS[called]})
    members.text("provider", _DEFAULT_PROVIDER)
    label_field = members.member_name("label_field", "label")
    annotator = LlmAnnotator(
        remote=remote(name, members, client),
        api=PROVIDERS[called](members, system_prompt(members, label_field)),
        label_field=label_field,
    )
    members.check()
    return annotator
