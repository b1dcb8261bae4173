"""Rewrites the statements of a body and of those in it, in the order in which OPA evaluates them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from acs_sidecar.engines.rego.analysis.syntax import as_object
from acs_sidecar.engines.rego.dialect.bodies.model import Body
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.rewriting import Part, Rewriter
from acs_sidecar.engines.rego.dialect.safety import unsafe_problem, unsafe_variables
from acs_sidecar.engines.rego.dialect.statements.aliases import (
    bind_indexed,
    evaluate_alias,
    evaluate_indexes,
    evaluate_keys,
)
from acs_sidecar.engines.rego.dialect.statements.comprehensions import look_up_comprehensions
from acs_sidecar.engines.rego.dialect.statements.declarations import declare_first
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.engines.rego.dialect.statements.eager import (
    MayConflict,
    bind_conflicting,
    define_values,
    is_indexed,
    is_looked_up,
    looked_up_members,
    may_conflict_in,
    order_terms,
)
from acs_sidecar.engines.rego.dialect.statements.modifiers import bind_collection, evaluated_values
from acs_sidecar.engines.rego.dialect.statements.negation import bind_arguments, negate_body
from acs_sidecar.engines.rego.dialect.statements.outputs import assign_output
from acs_sidecar.engines.rego.dialect.statements.patterns import match_whole_objects
from acs_sidecar.engines.rego.dialect.statements.quantifiers import bind_quantified, order_quantifier
from acs_sidecar.engines.rego.dialect.statements.sequence import (
    evaluation_order,
    guard_following,
    is_in_order,
    wait_for_guard,
)
from acs_sidecar.engines.rego.dialect.statements.walks import Place, bind_walks, lists_in_order
from acs_sidecar.spec.values import Json

__all__ = ["BodyRewriting", "rewrite_body"]


@dataclass(frozen=True, slots=True)
class BodyRewriting:
    """What the rewriting of a module's bodies asks and notes; nothing may conflict where that is `None`.

    `walks` is true if the module may call `walk`, `negates_all` if `not` holds for an undefined argument.
    """

    rewriter: Rewriter
    is_function: Callable[[Json], bool]
    may_conflict: MayConflict | None
    walks: bool
    negates_all: bool
    walked: set[Place] = field(default_factory=set)


def rewrite_body(body: Body, rewriting: BodyRewriting, ending: list[Part]) -> Iterator[Problem]:
    """Rewrite the statements of a body and of those in it; `ending` follows the last one."""
    unsafe = sorted(
        set(unsafe_variables(body)), key=lambda found: (found.variable.line, found.variable.column)
    )
    yield from map(unsafe_problem, unsafe)
    if unsafe:
        return
    for inner in body.with_inner():
        is_whole = inner is body
        indexed = is_whole and is_indexed(body.statements)
        if rewriting.may_conflict:
            look_up_comprehensions(inner, rewriting.rewriter, rewriting.may_conflict)
        yield from _rewrite_statements(inner, rewriting, ending if is_whole else [], indexed=indexed)


def _rewrite_statements(
    body: Body, rewriting: BodyRewriting, ending: list[Part], *, indexed: bool
) -> Iterator[Problem]:
    """Rewrite the statements of one body."""
    guard = None
    members: list[Json] = []
    if indexed and rewriting.may_conflict:
        members += looked_up_members(body, negates_all=rewriting.negates_all)
    is_index = any(inner.has_index for inner in body.with_inner())
    collected = rewriting.walks and (is_index or lists_in_order(body))
    for number in evaluation_order(body.statements):
        statement = body.statements[number]
        negates_all = rewriting.negates_all and "NotExpr" in as_object(statement.node["literal"])
        if guard and indexed and not negates_all and is_looked_up(statement):
            draft = Draft(statement, rewriting.rewriter, None)
        else:
            draft = Draft(statement, rewriting.rewriter, guard)
        conflicting = rewriting.may_conflict and may_conflict_in(statement, rewriting.may_conflict)
        if conflicting:
            draft.begin_with(members)
            members = []
        if rewriting.walks and not negates_all:
            rewriting.walked.update(bind_walks(draft, collected=collected))
        define_values(draft, list(evaluated_values(draft, rewriting.is_function)), rewriting.may_conflict)
        bind_quantified(draft)
        order_quantifier(draft)
        evaluate_alias(draft, is_index=is_index)
        evaluate_keys(draft)
        if is_index:
            bind_indexed(draft)
        if is_index and not is_in_order(body.statements):
            evaluate_indexes(draft)
        assign_output(draft)
        if rewriting.may_conflict and not negates_all:
            bind_conflicting(draft, rewriting.may_conflict, indexed=indexed)
        if "NotExpr" in as_object(statement.node["literal"]):
            yield from negate_body(draft) if negates_all else bind_arguments(draft)
        else:
            yield from match_whole_objects(draft)
        if conflicting:
            guard = guard_following(draft) or guard
        bind_collection(draft)
        wait_for_guard(draft)
        if number == len(body.statements) - 1:
            draft.after += ending
        declare_first(draft, () if number else body.declarations)
        draft.commit()
    if rewriting.may_conflict:
        order_terms(body, rewriting.rewriter, rewriting.may_conflict, indexed=indexed)
