"""One policy and some inputs, asked of the service's engine and of OPA."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import combinations

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Evaluator, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json, JsonObject
from tests.differential.lenient import LenientOracle
from tests.differential.oracle import Accepted, Oracle, Rejected
from tests.engines.rego.policies import INDEXED, bound, definition

__all__ = ["Comparison", "Outcome", "compare", "shown"]


class Outcome(StrEnum):
    """What came of a comparison; all but `OTHER` are permitted."""

    EQUAL = "equal"
    REFUSED = "refused when compiled"
    FAILS_CLOSED = "fails closed where a builtin errs"
    REJECTED = "refused by OPA"
    PRECISION = "equal to 15 digits of numbers beyond 53 bits"
    ORDER = "equal but for the order of sets and objects in one set"
    CONFLICT = "fails closed where values conflict that OPA does not reach"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An outcome, and what was seen."""

    outcome: Outcome
    detail: str = ""


def compare(
    modules: Mapping[str, str],
    queries: Sequence[str],
    inputs: Sequence[Json],
    data: Json = None,
    version_0: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare the values of the queries for all inputs; the worst outcome counts.

    The service may be given the same policy as version 0, which the oracle does not read.
    """
    given = definition(modules, None) if version_0 is None else definition(version_0, None, rego_version=0)
    try:
        oracle = _Oracles(modules, data)
    except Rejected as error:
        return Comparison(Outcome.REJECTED, str(error))
    try:
        return _compared(oracle, {**given, **({"data": data} if data else {})}, queries, inputs, data)
    finally:
        oracle.close()


def _compared(
    oracle: "_Oracles", policy: JsonObject, queries: Sequence[str], inputs: Sequence[Json], data: Json
) -> Comparison:
    try:
        oracle.compile(queries[0])
    except Rejected as error:
        return Comparison(Outcome.REJECTED, str(error))
    try:
        evaluators = {query: bound({**policy, "query": query}, rego=INDEXED) for query in queries}
    except ManifestError as error:
        return Comparison(Outcome.REFUSED, "; ".join(f"{d.code}: {d}" for d in error.diagnostics))
    large = _holds_large(data) or any(map(_loses_digits, oracle.modules.values()))
    worst = Comparison(Outcome.EQUAL)
    for query, evaluator in evaluators.items():
        for given in inputs:
            try:
                expected, said = oracle.expected(query, given)
            except Rejected as error:
                return Comparison(Outcome.REJECTED, str(error))
            exact = 10**14 if large or _holds_large(given) else 2**53
            found = _evaluated(evaluator, query, given, expected, said, exact)
            if found.outcome in (Outcome.OTHER, Outcome.REJECTED):
                return found
            if found.outcome is not Outcome.EQUAL:
                worst = found
    return worst


class _Oracles:
    """OPA with a policy, strict about errors of built-in functions, and as it runs by default."""

    def __init__(self, modules: Mapping[str, str], data: Json) -> None:
        self.modules = modules
        self._data = data
        self._strict = Oracle(modules, data)
        self._lenient: dict[str, LenientOracle] = {}

    def close(self) -> None:
        """Free the policy."""
        self._strict.close()
        for oracle in self._lenient.values():
            oracle.close()

    def compile(self, query: str) -> None:
        """Raise `Rejected` where OPA does not compile the policy: it compiles with the first query."""
        try:
            self._strict.document(query, None)
        except Rejected as error:
            if not error.is_evaluated:
                raise

    def expected(self, query: str, given: Json) -> tuple[Accepted | None, str]:
        """Return OPA's value, or nothing where rules conflict, and how it is shown.

        Raises `Rejected` where the library cannot show the value.
        """
        try:
            found = self._document(query, given)
        except Rejected as error:
            if "eval_conflict_error" not in str(error):
                raise
            return None, str(error)
        return found, shown(found.value) if found.defined else "undefined"

    def _document(self, query: str, given: Json) -> Accepted:
        try:
            return self._strict.document(query, given)
        except Rejected as error:
            if "eval_type_error" not in str(error) and "eval_builtin_error" not in str(error):
                raise
        if query not in self._lenient:
            self._lenient[query] = LenientOracle(self.modules, query, self._data)
        return self._lenient[query].document(given)


def _evaluated(
    evaluator: Evaluator, query: str, given: Json, expected: Accepted | None, said: str, exact: int
) -> Comparison:
    try:
        value = evaluator.evaluate(PolicyInput(given, canonical(given))).value  # type: ignore[arg-type]
    except EvaluationError as error:
        if error.detail.endswith("is undefined for this input"):
            same = expected is not None and not expected.defined
            return _found(same, query, given, said, "undefined")
        if any(word in _engine_error(evaluator, given) for word in _CONFLICTS):
            outcome = Outcome.EQUAL if expected is None else Outcome.CONFLICT
            return Comparison(outcome, f"{query} for {shown(given)}: {said}")
        if expected is None or _is_builtin_error(evaluator, given):
            outcome = Outcome.EQUAL if expected is None else Outcome.FAILS_CLOSED
            return Comparison(outcome, error.detail)
        return _found(False, query, given, said, _engine_error(evaluator, given))
    same = expected is not None and expected.defined and shown(expected.value) == shown(value)
    if not same and expected and shown(_unordered(expected.value)) == shown(_unordered(value)):
        return Comparison(Outcome.ORDER, f"{said} / {shown(value)}")
    if not same and expected and _agrees(expected.value, value, exact):
        return Comparison(Outcome.PRECISION, f"{said} / {shown(value)}")
    return _found(same, query, given, said, shown(value))


def _found(same: bool, query: str, given: Json, expected: str, value: str) -> Comparison:
    if same:
        return Comparison(Outcome.EQUAL)
    detail = f"{query} for {shown(given)}\n  OPA: {expected}\n  service: {value}"
    return Comparison(Outcome.OTHER, detail)


def _engine_error(evaluator: Evaluator, given: Json) -> str:
    """Return what the engine says of its failure, which the service shows to nobody."""
    engine = evaluator._engines.engine_for(given).clone()  # type: ignore[attr-defined]
    engine.set_input_json(json.dumps(given))
    try:
        engine.eval_rule_as_json("data.acs_sidecar_query.answer")
    except BaseException as error:  # noqa: BLE001 - a panic of the engine is none of Exception
        return str(error).partition("Stack backtrace")[0]
    return "no error"


_FRACTION = re.compile(r"\d\.\d|\d[eE]-\d")
_DIGITS = re.compile(r"\d{16,}")
_CONFLICTS = ("multiple outputs", "generated multiple times", "rule conflicts")
_BUILTIN_ERRORS = (
    "not an i64",  # more than 64 bits, which no extension can be given
    "number specified for format verb",
    "negative",
    "raises python error",
    "unhashable",  # a set of sets or objects as an argument of an extension
    "item at index",  # of `object.union_n`, that is no object
    "requires",
    "expects",
    "invalid",
    "could not",
    "not a valid",
    "failed to",
    "cannot",
    "must be",
    "out of range",
    "divide by zero",
    "division by zero",
    "modulo",
    "unsupported",
    "overflow",
    "expected",
)
_OWN_ERRORS = (
    "unsafe",
    "undefined variable",
    "conflict",
    "not find function",
    "schedule",
    "multiple values",
    "panick",
)


def _is_builtin_error(evaluator: Evaluator, given: Json) -> bool:
    said = _engine_error(evaluator, given).lower()
    return not any(word in said for word in _OWN_ERRORS) and any(word in said for word in _BUILTIN_ERRORS)


def shown(value: Json) -> str:
    """Return a value as text, the same for equal numbers."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _unordered(value: Json) -> Json:
    """Return a value in which arrays are sorted whose order depends on that of sets and objects."""
    if isinstance(value, dict):
        return {_unordered_name(name): _unordered(item) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    apart = any(_differ_by_a_set(one, other) for one, other in combinations(value, 2))
    items = [_unordered(item) for item in value]
    return sorted(items, key=shown) if apart else items


def _unordered_name(name: str) -> str:
    """Return a name in which the arrays are sorted likewise, if it is the text of a key."""
    try:
        return shown(_unordered(json.loads(name))) if name.startswith(("[", "{")) else name
    except ValueError:
        return name


def _differ_by_a_set(one: Json, other: Json) -> bool:
    """True if two values differ first where one holds an array, as which sets are shown, and one an object."""
    if isinstance(one, list) and isinstance(other, list):
        pairs = list(zip(one, other, strict=False))
    elif isinstance(one, dict) and isinstance(other, dict):
        pairs = [(one[name], other[name]) for name in sorted(one.keys() & other.keys())]
    else:
        return {type(one), type(other)} == {list, dict}
    return any(_differ_by_a_set(*pair) for pair in pairs)


def _holds_large(value: Json) -> bool:
    """True if a value holds a number of more than 53 bits, with which sums lose their last digit."""
    if isinstance(value, dict | list):
        return any(map(_holds_large, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float | int) and abs(value) > 2**53


def _loses_digits(text: str) -> bool:
    """True if a module writes a fraction, or a number of more than 53 bits."""
    return bool(_FRACTION.search(text)) or any(int(digits) > 2**53 for digits in _DIGITS.findall(text))


def _agrees(one: Json, other: Json, exact: int) -> bool:
    """True if two values differ in fractions and numbers beyond `exact` alone, and there behind 15 digits."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_agrees(*pair, exact) for pair in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agrees(one[name], other[name], exact) for name in one)
    if shown(one) == shown(other):
        return True
    numbers = [
        found for found in (one, other) if isinstance(found, float | int) and not isinstance(found, bool)
    ]
    rounded = any(abs(number) > exact or number != int(number) for number in numbers)
    return len(numbers) == 2 and rounded and len({f"{Decimal(repr(number)):.14e}" for number in numbers}) == 1


def _plain(value: Json) -> Json:
    """Return a value with each number in one form: `1.0` and `1` are one number in Rego."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        number = Decimal(repr(value)).normalize()
        if abs(number) >= 2**63:
            number = Decimal(f"{number:.16e}").normalize()
        return f"number {number if number else 0}"
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
