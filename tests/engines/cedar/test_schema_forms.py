"""Both forms of a schema, read as the engine reads them (section 1.7.1)."""

from typing import Any

import orjson
import pytest

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.schema.declarations import Schema
from acs_sidecar.engines.cedar.schema.json_form import read_schema_json
from acs_sidecar.engines.cedar.schema.text_form import read_schema_text
from acs_sidecar.engines.cedar.schema.types import RecordType, SetOf, Type
from tests.engines.cedar import (
    SNAPSHOT,
    bind,
    compile_cedar,
    findings,
    input_of,
    output,
)
from tests.engines.cedar.schemas import ALLOW, schema

# -- the two forms of a schema ---------------------------------------------------------------------

TEXT_SCHEMAS = [
    schema('{ a: Long, "b c"?: Set<{ x: decimal }>, d: T }', "type T = { e?: Agent };"),
    """
    // a comment with "quotes" and { brackets
    @doc("top") @bare
    namespace Acme::Deep {
      @doc("ho } lla") entity Group, Team in [Group];
      entity User in [Group, Team] = { name: String, "od\\u{64} \\"name\\"": Long, } tags Set<String>;
      type Ctx = { @note("n") a: Long, in_ns: Own, top: Top };
      type Own = ipaddr;
      action "quoted \\n action", plain in [base, Acme::Deep::Action::"base"]
        appliesTo { resource: Group, context: Ctx, principal: [User, Team], };
      action base attributes {};
    }
    type Top = Set<Bool>;
    entity Level enum ["low", "hi\\"gh"];
    entity Set2 { type: Long, entity: String, action: Bool };
    """,
    "",
    "// nothing\n",
    "entity A = {}; action a, b appliesTo { principal: A, resource: [A], context: {} };",
]


def shown(text: str) -> Any:
    """Read a schema and give everything that was read."""
    read = read_schema_text(text)
    return read.commons, read.entities, read.actions


@pytest.mark.parametrize("text", TEXT_SCHEMAS)
def test_reading_agrees_with_the_engine(text: str) -> None:
    """What is read of a schema is what the engine has read, as it prints it."""
    assert shown(text) == shown(str(engine.parse_schema(text)))


JSON_SCHEMA: dict[str, Any] = {
    "": {
        "entityTypes": {"Agent": {}, "PolicyTarget": {"memberOfTypes": ["Agent"]}, "Level": {"enum": ["a", "b"]}},
        "actions": {"none": {}, "nothing": {"appliesTo": None, "memberOf": [{"id": "none"}]}},
        "commonTypes": {"Amount": {"type": "decimal"}, "R": {"type": "Record", "attributes": {"x": {"type": "Amount"}}}},
    },
    "Acme": {
        "entityTypes": {
            "User": {
                "shape": {"type": "Record", "attributes": {"n": {"type": "Long", "required": False}}},
                "tags": {"type": "Set", "element": {"type": "String"}},
            }
        },
        "actions": {
            "read": {
                "appliesTo": {
                    "principalTypes": ["User", "Agent"],
                    "resourceTypes": ["PolicyTarget"],
                    "context": {
                        "type": "Record",
                        "attributes": {
                            "a": {"type": "Boolean"},
                            "b": {"type": "Bool"},
                            "c": {"type": "EntityOrCommon", "name": "String"},
                            "d": {"type": "Entity", "name": "User"},
                            "e": {"type": "Extension", "name": "ipaddr"},
                            "f": {"type": "R", "required": True},
                            "g": {"type": "EntityOrCommon", "name": "Agent"},
                            "h": {"type": "Set", "element": {"type": "Record", "attributes": {}}},
                            "i": {"type": "Amount", "required": False},
                        },
                    },
                }
            }
        },
    },
}  # fmt: skip


def test_json_form_agrees_with_the_engine() -> None:
    """A JSON schema admits what the engine's rendering of it in Cedar's syntax admits."""
    assert _expanded(read_schema_json(JSON_SCHEMA)) == _expanded(
        read_schema_text(str(engine.parse_schema(JSON_SCHEMA)))
    )


def _expanded(read: Schema) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return entity types and actions with every name looked up."""

    def full(kind: Type | None) -> Any:
        match kind if kind is None else read.resolve(kind):
            case RecordType(attributes):
                return {name: (full(inner.type), inner.required) for name, inner in attributes.items()}
            case SetOf(element):
                return [full(element)]
            case resolved:
                return resolved

    entities = {
        name: (full(entity.attributes), full(entity.tags), entity.choices)
        for name, entity in read.entities.items()
    }
    actions = {
        str(uid): (
            read.entity_names(action.principals),
            read.entity_names(action.resources),
            full(action.context),
        )
        for uid, action in read.actions.items()
    }
    return entities, actions


def test_json_form_decides() -> None:
    """A schema in the JSON form does what the same schema does in Cedar's syntax."""
    form = {
        "": {
            "entityTypes": {"Agent": {}, "PolicyTarget": {}},
            "actions": {
                "output": {
                    "appliesTo": {
                        "principalTypes": ["Agent"],
                        "resourceTypes": ["PolicyTarget"],
                        "context": {
                            "type": "Record",
                            "attributes": {"n": {"type": "Extension", "name": "decimal"}},
                        },
                    }
                }
            },
        }
    }
    condition = 'permit(principal, action, resource) when { context.n == decimal("2.0") };'
    for members, files in (
        ({"schema": form}, {}),
        ({"schema_path": "s.json"}, {"s.json": orjson.dumps(form)}),
        ({"schema_path": "s"}, {"s": b"\n " + orjson.dumps(form)}),
        ({"schema_path": "s.cedarschema"}, {"s.cedarschema": schema("{n: decimal}").encode()}),
    ):
        policy = compile_cedar(condition, files, **members)
        assert output(bind(policy), input_of({**SNAPSHOT, "n": 2, "other": 1})) == ALLOW


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("entity A\nentity B;", "policies.main.schema:2:1: policies.main.schema: expected `;`, found `entity`"),
        ("entity A { x: };", "policies.main.schema:1:15: policies.main.schema: expected a name, found `}`"),
        ("entity A", "policies.main.schema:1:9: policies.main.schema: expected `;`, found the end"),
        ('entity A enum ["\\q"];', "policies.main.schema:1:16: policies.main.schema: a string holds an unknown escape"),
        ("nonsense;", "policies.main.schema:1:1: policies.main.schema: expected `entity`, `action`, `type` or `namespace`, found `nonsense`"),
        ("entity A { x: B };", "policies.main.schema:1:15: policies.main.schema: failed to resolve type: B"),
        ("type A = {x: A};", None),
        ({"": {"entityTypes": {}}}, "policies.main.schema: missing field `actions`"),
        ({"": []}, "policies.main.schema: a namespace must be an object"),
        ({"": {"entityTypes": {"A": {"shape": {"type": 1}}}, "actions": {}}}, "policies.main.schema: `type` must be a string"),
        ({"": {"entityTypes": {}, "actions": {"a": {"appliesTo": {"principalTypes": "A"}}}}}, "policies.main.schema: `principalTypes` must be a list of strings"),
        ("", "policies.main.schema: must be a string, or an object in Cedar's JSON form"),
        (1, "policies.main.schema: must be a string, or an object in Cedar's JSON form"),
    ],
)  # fmt: skip
def test_wrong_schemas(value: Any, expected: str | None) -> None:
    """A schema that cannot be read is invalid, with its place where one is known."""
    expected = expected or "policies.main.schema: types nest deeper than 100 levels, or without end"
    assert findings(schema=value) == [expected]
