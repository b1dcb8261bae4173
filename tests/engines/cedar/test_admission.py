"""What is admitted by a schema, against the engine's own check of requests (section 1.7.1)."""

from datetime import datetime

import cedarpy
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.admission import ContextAdmission
from acs_sidecar.engines.cedar.reads import Reads
from acs_sidecar.engines.cedar.schema.text_form import read_schema_text
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.engines.cedar import (
    PERMIT_ALL,
)
from tests.engines.cedar.schemas import schema

# -- against the engine's own check of requests ----------------------------------------------------

NAMES = ["a", "b", "c d"]


def _to_the_millisecond(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


SCALARS: dict[str, st.SearchStrategy[Json]] = {
    "Long": st.integers(-(2**63), 2**63 - 1),
    "String": st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    "Bool": st.booleans(),
    "decimal": st.integers(-(10**18), 10**18).map(lambda scaled: scaled / 10_000)
    | st.integers(-(10**14), 10**14)
    | st.sampled_from(["1.5", "-0.0001"]),
    "datetime": st.datetimes(datetime(1980, 1, 1), timezones=st.timezones()).map(_to_the_millisecond),
    "duration": st.sampled_from(["1d", "-1h30m", "1500ms", "9223372036854775807ms"]),
    "ipaddr": (st.ip_addresses() | st.sampled_from(["10.0.0.0/8", "::/0"])).map(str),
    "T": st.sampled_from([{}, {"x": 1}, {"x": None}, {"x": 2, "y": [1.5]}]),
}
ANYTHING: st.SearchStrategy[Json] = st.recursive(
    st.sampled_from([None, True, 1, 0.5, "x", 2**63, 1e300]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def typed(draw: st.DrawFn, depth: int = 3) -> tuple[str, st.SearchStrategy[Json]]:
    """A type as text, and the values that fit it."""
    shape = draw(st.sampled_from(["scalar", "scalar", "set", "record"])) if depth else "scalar"
    if shape == "set":
        kind, values = draw(typed(depth - 1))
        return f"Set<{kind}>", st.lists(values, max_size=2)
    if shape == "record":
        return draw(record(depth - 1))
    kind = draw(st.sampled_from(sorted(SCALARS)))
    return kind, SCALARS[kind]


@st.composite
def record(draw: st.DrawFn, depth: int = 3) -> tuple[str, st.SearchStrategy[Json]]:
    """A record type as text, and the values that fit it, with undeclared members among theirs."""
    fields, required, optional = [], {}, {"undeclared": ANYTHING}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)):
        kind, values = draw(typed(depth))
        if draw(st.booleans()):
            fields.append(f'"{name}": {kind}')
            required[name] = values
        else:
            fields.append(f'"{name}"?: {kind}')
            optional[name] = values | st.none()
    return "{" + ", ".join(fields) + "}", st.fixed_dictionaries(required, optional=optional)


OUTPUT = {"type": "Action", "id": "output"}
AGENT, TARGET = {"type": "Agent", "id": "a"}, {"type": "PolicyTarget", "id": "t"}


def admitted(text: str, context: Json) -> Json:
    """Project a context onto a schema, all of it read. Raises `EvaluationError`."""
    admission = ContextAdmission(read_schema_text(text), Reads(whole=True))
    return admission.admit(AGENT, OUTPUT, TARGET)(context)


def assert_engine_takes(text: str, context: Json) -> None:
    """Ask the engine with the schema, which then checks the request itself."""
    answer = cedarpy.is_authorized(
        {"principal": AGENT, "action": OUTPUT, "resource": TARGET, "context": orjson.dumps(context).decode()},
        PERMIT_ALL,
        [],
        engine.parse_schema(text),
    )
    assert (answer.decision.name, answer.diagnostics.errors) == ("Allow", [])


@pytest.mark.slow
@settings(max_examples=200)
@given(st.data())
def test_data_that_fits_is_admitted(data: st.DataObject) -> None:
    """Data of the declared types is admitted, and the engine takes what is made of it."""
    kind, values = data.draw(record())
    text = schema(kind, "type T = { x?: Long };")
    assert_engine_takes(text, admitted(text, data.draw(values)))


@pytest.mark.slow
@settings(max_examples=300)
@given(record(), st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=3))
def test_what_is_admitted_is_taken(
    declared: tuple[str, st.SearchStrategy[Json]], context: dict[str, Json]
) -> None:
    """The engine takes whatever data is admitted."""
    text = schema(declared[0], "type T = { x?: Long };")
    try:
        converted = admitted(text, context)
    except EvaluationError:
        return
    assert_engine_takes(text, converted)
