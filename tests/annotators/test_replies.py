"""Section 1.6: whatever a provider answers, its reply is read or refused, and a reading is honest."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.annotators.api import ReplyError
from acs_sidecar.annotators.classifier.remote import RemoteClassifier, remote_providers
from acs_sidecar.annotators.llm.type import llm_annotator
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.ports import AnnotatorContext, NoSources
from acs_sidecar.spec.values import Json
from tests.annotators import test_classifier_remote as classifiers
from tests.annotators import test_llm_providers as models
from tests.annotators.test_llm import ANSWER, completion

CONTEXT = AnnotatorContext(sources=NoSources(), environment={}, outbound=None)
URL = {"endpoint": "http://127.0.0.1:1/", "model": "m", "api_key": "k"}

MODELS = {
    "openai": completion(),
    "azure_openai": completion(),
    "gemini": models.generated(ANSWER),
    "ollama": models.chatted(),
    "bedrock": models.conversed({"text": ANSWER}),
}
CLASSIFIERS = {
    "azure_content_safety": classifiers.analysed(hate=4),
    "openai_moderation": classifiers.moderated(flagged=True, violence=True, score=0.9),
    "lakera_guard": classifiers.guarded(),
    "llama_guard": classifiers.completed("unsafe\nS1"),
    "perspective": classifiers.scored(TOXICITY=0.9),
}
SCALARS = st.none() | st.booleans() | st.integers(-2, 9) | st.floats(-1, 2) | st.text(max_size=5)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


def _places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children: list[tuple[str | int, Json]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [path, *(place for name, child in children for place in _places(child, (*path, name)))]


def mutated(reply: Json, place: tuple[str | int, ...], change: Json) -> Json:
    """Give a reply with another value at one place."""
    if not place:
        return change
    changed: Any = copy.deepcopy(reply)
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = change
    return changed  # type: ignore[no-any-return]  # it is what `reply` is


def mutations(replies: dict[str, Any]) -> st.SearchStrategy[tuple[str, Json]]:
    """Replies with something else at one of their places."""
    places = [(name, place) for name, reply in replies.items() for place in _places(reply)]
    return st.tuples(st.sampled_from(places), JSON).map(
        lambda drawn: (drawn[0][0], mutated(replies[drawn[0][0]], drawn[0][1], drawn[1]))
    )


def _classifier(provider: str) -> RemoteClassifier:
    built = remote_providers(HttpClient())[provider]("guard", "x", {**URL, "provider": provider}, CONTEXT)
    assert isinstance(built, RemoteClassifier)
    return built


APIS: dict[str, Callable[[Json], str]] = {
    name: llm_annotator(
        "judge", "x", {**URL, "provider": name, "deployment": "d", "aws_region": "eu"}, CONTEXT, HttpClient()
    ).api.text
    for name in MODELS
}
GUARDS = {name: _classifier(name).api for name in CLASSIFIERS}


@given(mutations(MODELS))
def test_a_reply_of_a_model_is_a_text_or_refused(mutation: tuple[str, Json]) -> None:
    """No shape ends in anything but a text or a `ReplyError`."""
    provider, reply = mutation
    try:
        assert isinstance(APIS[provider](reply), str)
    except ReplyError as error:
        assert (
            str(error).startswith(("returned ", "blocked ")) or str(error) == "refused to answer"
        )  # either way


@given(mutations(CLASSIFIERS))
def test_a_reply_of_a_classifier_is_a_judgement_or_refused(mutation: tuple[str, Json]) -> None:
    """An annotation has the one shape, and is an all-clear in all of its members or in none."""
    provider, reply = mutation
    try:
        annotation: Any = GUARDS[provider].judgement(reply).annotation()
    except ReplyError:
        return
    assert set(annotation) == {"flagged", "score", "label", "categories", "findings", "scores"}
    assert type(annotation["flagged"]) is bool
    assert 0 <= annotation["score"] <= 1
    assert annotation["categories"] == sorted(annotation["categories"])
    assert annotation["flagged"] is (annotation["label"] != "none")
    assert all(0 <= score <= 1 for score in annotation["scores"].values())


@pytest.mark.parametrize("provider", [*MODELS, *CLASSIFIERS])
def test_the_replies_that_are_changed_are_good(provider: str) -> None:
    """What the two tests above start from can be read."""
    if provider in MODELS:
        assert APIS[provider](MODELS[provider]) == ANSWER
    else:
        assert GUARDS[provider].judgement(CLASSIFIERS[provider]).annotation()["flagged"] is True
