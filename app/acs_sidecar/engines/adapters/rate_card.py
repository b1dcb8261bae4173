"""The `rate_card` adapter: what a model call may cost, against what is left of a budget.

Money is added up exactly, from prices per million tokens in the manifest and from token counts and
a budget in the snapshot; neither Cedar's four-digit decimals nor Rego's floats do that.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from acs_sidecar.evaluators import (
    CompileRequest,
    Diagnostic,
    EvaluationError,
    Evaluator,
    Json,
    JsonObject,
    ManifestError,
    Member,
    Path,
    PathSyntaxError,
    PointBinding,
    PolicyInput,
    PolicyOutput,
    PolicyStatement,
    Reason,
    parse_path,
)

__all__ = ["adapter"]

_MOST_SHOWN = 200
"""Characters of a model's name in an explanation."""
_PATH: JsonObject = {"type": "string"}
_DEFAULT_PATHS = {
    "model": "$policy_target.model",
    "input_tokens": "$policy_target.input_tokens",
    "output_tokens": "$policy_target.output_tokens",
    "spent": "$snap.envelope.budget.spent",
    "budget": "$snap.envelope.budget.limit",
}
MEMBERS: Mapping[str, Member] = {
    "prices": Member("Model → its prices per million tokens: `{input, output}`.", {"type": "object"}),
    "model": Member("The path of the model's name.", _PATH, paths=(".",)),
    "input_tokens": Member("The path of the number of tokens that go in.", _PATH, paths=(".",)),
    "output_tokens": Member("The path of the number of tokens that come out.", _PATH, paths=(".",)),
    "spent": Member("The path of the amount that is spent.", _PATH, paths=(".",)),
    "budget": Member("The path of the amount that may be spent.", _PATH, paths=(".",)),
    "warn_at": Member("The share of the budget above which the verdict is `warn`; 1 (never) by default."),
}
_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_MILLION = 1_000_000
_DIGITS = 1_000
"""More than an amount can have."""


@dataclass(frozen=True, slots=True)
class _Price:
    """Money per million tokens."""

    input: Fraction
    output: Fraction


@dataclass(frozen=True, slots=True)
class _Bill:
    """What a call costs and what there is for it, exactly."""

    tokens_in: int
    tokens_out: int
    cost: Fraction
    spent: Fraction
    budget: Fraction

    @property
    def total(self) -> Fraction:
        """What is spent with the call."""
        return self.spent + self.cost


@dataclass(frozen=True, slots=True)
class _RateCard:
    prices: Mapping[str, _Price]
    paths: Mapping[str, Path]
    warn_at: Fraction
    statement: PolicyStatement = field(default_factory=PolicyStatement)

    def bind(self, binding: PointBinding) -> Evaluator:  # noqa: ARG002  # the overlay is in the definition
        return self

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Allow the call, warn from `warn_at` of the budget on, deny beyond it or without a price."""
        price = self.prices.get(self._model(policy_input))
        if price is None:
            return PolicyOutput({"decision": "deny", "reason": "model_not_priced"})
        bill = self._bill(price, policy_input)
        if bill.total > bill.budget:
            return PolicyOutput({"decision": "deny", "reason": "budget_exceeded"})
        if bill.total > bill.budget * self.warn_at:
            return PolicyOutput({"decision": "warn", "reason": "budget_nearly_spent"})
        return PolicyOutput({"decision": "allow"})

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return the price of the model, and the amounts that are compared, as decimal texts."""
        model = self._model(policy_input)
        told: dict[str, Json] = {"kind": "rate_card", "model": model[:_MOST_SHOWN]}
        price = self.prices.get(model)
        if price is None:
            return {**told, "priced": False}
        bill = self._bill(price, policy_input)
        amounts = {
            "cost": bill.cost,
            "spent": bill.spent,
            "with_this_call": bill.total,
            "warn_above": bill.budget * self.warn_at,
            "budget": bill.budget,
        }
        return {
            **told,
            "priced": True,
            "input_tokens": bill.tokens_in,
            "output_tokens": bill.tokens_out,
            **{name: _decimal(amount) for name, amount in amounts.items()},
        }

    def _model(self, policy_input: PolicyInput) -> str:
        model = self.paths["model"].resolve(policy_input.value)
        if not isinstance(model, str):
            raise self._unusable("model", "a string")
        return model

    def _bill(self, price: _Price, policy_input: PolicyInput) -> _Bill:
        tokens_in, tokens_out = (
            self._tokens(name, policy_input) for name in ("input_tokens", "output_tokens")
        )
        spent, budget = (self._money(name, policy_input) for name in ("spent", "budget"))
        cost = (tokens_in * price.input + tokens_out * price.output) / _MILLION
        return _Bill(tokens_in, tokens_out, cost, spent, budget)

    def _tokens(self, name: str, policy_input: PolicyInput) -> int:
        count = self.paths[name].resolve(policy_input.value)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise self._unusable(name, "a number of tokens")
        return count

    def _money(self, name: str, policy_input: PolicyInput) -> Fraction:
        amount = _amount(self.paths[name].resolve(policy_input.value))
        if amount is None:
            raise self._unusable(name, "a price")
        return amount

    def _unusable(self, name: str, wanted: str) -> EvaluationError:
        return EvaluationError(
            Reason.POLICY_INVOCATION_FAILED, f"`{name}` at `{self.paths[name].text}` is not {wanted}"
        )


class _RateCardAdapter:
    name = "rate_card"
    inline_safe = True
    members = MEMBERS

    def compile(self, request: CompileRequest) -> _RateCard:
        """Read `prices`, the paths and `warn_at` (a share of the budget, 1 when absent)."""
        path, definition = request.path, request.definition
        findings: list[Diagnostic] = []
        prices = dict(_prices(f"{path}.prices", definition.get("prices"), findings))
        paths = dict(_paths(path, definition, findings))
        warn_at = _amount(definition.get("warn_at", 1))
        if warn_at is None or warn_at > 1:
            findings.append(Diagnostic("value-not-allowed", "must be from 0 to 1", f"{path}.warn_at"))
        if findings or warn_at is None:
            raise ManifestError(findings)
        return _RateCard(prices, paths, warn_at)


def _prices(path: str, prices: Json, findings: list[Diagnostic]) -> Iterator[tuple[str, _Price]]:
    if not isinstance(prices, dict) or not prices:
        message = "must map each model to its prices per million tokens: `{input, output}`"
        findings.append(Diagnostic("member-missing", message, path))
        return
    for model, price in prices.items():
        amounts = {name: _amount(value) for name, value in price.items()} if isinstance(price, dict) else {}
        per_input, per_output = amounts.get("input"), amounts.get("output")
        if per_input is None or per_output is None or len(amounts) != 2:
            message = 'must be `{input, output}`, each a number or a string such as "0.15"'
            findings.append(Diagnostic("wrong-type", message, f"{path}.{model}"))
        else:
            yield model, _Price(per_input, per_output)


def _paths(path: str, definition: JsonObject, findings: list[Diagnostic]) -> Iterator[tuple[str, Path]]:
    for name, default in _DEFAULT_PATHS.items():
        text = definition.get(name, default)
        try:
            yield name, parse_path(text if isinstance(text, str) else "")
        except PathSyntaxError as error:
            findings.append(Diagnostic("path-syntax", str(error), f"{path}.{name}"))


def _decimal(amount: Fraction) -> str:
    """Return an amount as a decimal text: sums and products of decimals end."""
    with localcontext(Context(prec=_DIGITS)):
        return f"{Decimal(amount.numerator) / Decimal(amount.denominator):f}"


def _amount(value: Json) -> Fraction | None:
    """Read an amount that is not negative: a JSON number by its decimal text, or such a text."""
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        return Fraction(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return Fraction(repr(value)) if math.isfinite(value) else None


adapter = _RateCardAdapter()
