"""The `rate_card` adapter: the cost of a model call against what is left of a budget."""

import pytest

from acs_sidecar.engines.adapters.custom import custom_type
from acs_sidecar.engines.adapters.rate_card import adapter
from acs_sidecar.engines.compilation import compile_policies
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Evaluator, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.sources import MemorySources
from tests.sandbox.sandboxes import OUTPUT, job, policy_input

PRICES: Json = {"small": {"input": "0.15", "output": 0.6}, "free": {"input": 0, "output": 0}}
CALL: dict[str, Json] = {"model": "small", "input_tokens": 1_000_000, "output_tokens": 500_000}


def _evaluator(**members: Json) -> Evaluator:
    definition: dict[str, Json] = {"type": "custom", "adapter": "rate_card", "prices": PRICES, **members}
    types = {"custom": custom_type({"rate_card": adapter})}
    return compile_policies([job(definition)], types, MemorySources({})).evaluators[OUTPUT]


def _input(spent: Json, limit: Json, **call: Json) -> PolicyInput:
    given = policy_input({**CALL, **call})
    snapshot: dict[str, Json] = {"envelope": {"budget": {"spent": spent, "limit": limit}}}
    return PolicyInput({**given.value, "snapshot": snapshot}, given.canonical)


@pytest.mark.parametrize(
    ("spent", "limit", "verdict"),
    [
        ("0", "0.45", {"decision": "allow"}),
        (0, 0.45, {"decision": "allow"}),
        ("0.000000000000001", "0.45", {"decision": "deny", "reason": "budget_exceeded"}),
        (0.1, 0.55, {"decision": "allow"}),
        ("0.3", "0.7", {"decision": "deny", "reason": "budget_exceeded"}),
        ("5", "1", {"decision": "deny", "reason": "budget_exceeded"}),
    ],
)
def test_the_call_must_fit_into_the_budget(spent: Json, limit: Json, verdict: Json) -> None:
    """Money is added up exactly: the last unit is allowed, one more is not."""
    assert _evaluator().evaluate(_input(spent, limit)).value == verdict


@pytest.mark.parametrize(
    ("limit", "decision"), [("0.9", "allow"), ("0.5625", "allow"), ("0.56", "warn"), ("0.44", "deny")]
)
def test_a_warning_comes_before_the_end(limit: str, decision: str) -> None:
    """Above `warn_at` of the budget the verdict is `warn`."""
    output = _evaluator(warn_at="0.8").evaluate(_input(0, limit)).value
    assert isinstance(output, dict)
    assert output["decision"] == decision


def test_a_model_without_a_price_is_denied() -> None:
    """What is not on the card cannot be counted."""
    assert _evaluator().evaluate(_input(0, 1, model="large")).value == {
        "decision": "deny",
        "reason": "model_not_priced",
    }


def test_what_costs_nothing_passes_with_nothing_left() -> None:
    """Only what is spent counts."""
    assert _evaluator().evaluate(_input(1, 1, model="free")).value == {"decision": "allow"}


@pytest.mark.parametrize(
    ("call", "detail"),
    [
        ({"model": 1}, "`model` at `$policy_target.model` is not a string"),
        (
            {"input_tokens": -1},
            "`input_tokens` at `$policy_target.input_tokens` is not a number of tokens",
        ),
        (
            {"output_tokens": 1.5},
            "`output_tokens` at `$policy_target.output_tokens` is not a number of tokens",
        ),
        (
            {"output_tokens": True},
            "`output_tokens` at `$policy_target.output_tokens` is not a number of tokens",
        ),
    ],
)
def test_a_call_that_cannot_be_counted_fails_closed(call: dict[str, Json], detail: str) -> None:
    """Token counts and model names of another kind are `policy_invocation_failed`."""
    with pytest.raises(EvaluationError) as raised:
        _evaluator().evaluate(_input(0, 1, **call))
    assert (raised.value.reason, raised.value.detail) == (Reason.POLICY_INVOCATION_FAILED, detail)


@pytest.mark.parametrize(
    "amount", ["-1", "1e3", "1e999999999", " 1", "", "\u0661", -0.5, True, None, "1" * 16]
)
def test_money_that_cannot_be_read_fails_closed(amount: Json) -> None:
    """An amount is a number that is not negative, or its plain decimal text."""
    with pytest.raises(EvaluationError) as raised:
        _evaluator().evaluate(_input(0, amount))
    assert raised.value.detail == "`budget` at `$snap.envelope.budget.limit` is not a price"


def test_a_path_that_is_missing_keeps_its_reason() -> None:
    """Paths fail as they do everywhere (1.4)."""
    with pytest.raises(EvaluationError) as raised:
        _evaluator(spent="$snap.spent").evaluate(_input(0, 1))
    assert raised.value.reason == Reason.PATH_MISSING


@pytest.mark.parametrize(
    ("members", "finding"),
    [
        (
            {"prices": {}},
            "policies.main.prices: must map each model to its prices per million tokens: `{input, output}`",
        ),
        (
            {"prices": {"m": {"input": 1}}},
            'policies.main.prices.m: must be `{input, output}`, each a number or a string such as "0.15"',
        ),
        (
            {"prices": {"m": {"input": 1, "output": 1, "cached": 1}}},
            'policies.main.prices.m: must be `{input, output}`, each a number or a string such as "0.15"',
        ),
        (
            {"prices": {"m": {"input": -1, "output": 1}}},
            'policies.main.prices.m: must be `{input, output}`, each a number or a string such as "0.15"',
        ),
        ({"warn_at": 2}, "policies.main.warn_at: must be from 0 to 1"),
        ({"warn_at": "most"}, "policies.main.warn_at: must be from 0 to 1"),
        (
            {"model": "model"},
            "policies.main.model: `model` is not a path: must start with `$snap`, `$pi`, `$policy_target`, `$tool`",
        ),
        (
            {"currency": "EUR"},
            "policies.main.currency: unknown member; must be one of `adapter`, `budget`, `input_tokens`, "
            "`model`, `output_tokens`, `prices`, `spent`, `type`, `warn_at`",
        ),
    ],
)
def test_what_is_no_rate_card_is_refused(members: dict[str, Json], finding: str) -> None:
    """Each wrong member is a finding at its place."""
    with pytest.raises(ManifestError) as raised:
        _evaluator(**members)
    assert [str(diagnostic) for diagnostic in raised.value.diagnostics] == [finding]
