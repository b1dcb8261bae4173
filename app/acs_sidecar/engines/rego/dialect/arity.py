"""How many arguments OPA's built-in functions take; `print` takes any number."""

from acs_sidecar.engines.rego.analysis.syntax import REFERENCES, as_object, called_name, first_link, variant
from acs_sidecar.engines.rego.dialect.scopes import VariableScope
from acs_sidecar.engines.rego.extensions.registry import EXTENSIONS
from acs_sidecar.spec.values import Json

__all__ = ["ARITY", "builtin_arity"]

_BY_ARITY = {
    1: """
        abs array.reverse base64.decode base64.encode base64.is_valid
        base64url.decode base64url.encode base64url.encode_no_pad bits.negate cast_array ceil
        count floor
        glob.quote_meta hex.decode hex.encode intersection io.jwt.decode is_array is_boolean
        is_null is_number is_object is_set is_string json.is_valid json.marshal json.unmarshal
        json.verify_schema lower max min net.cidr_expand net.cidr_is_valid net.cidr_merge
        object.keys object.union_n product regex.is_valid round semver.is_valid sort
        strings.reverse sum time.clock time.date time.format time.parse_duration_ns
        time.parse_rfc3339_ns time.weekday to_number trace trim_space type_name union
        units.parse units.parse_bytes upper uri.is_valid uri.parse urlquery.decode
        urlquery.decode_object urlquery.encode urlquery.encode_object uuid.parse walk
        yaml.is_valid yaml.marshal yaml.unmarshal
    """,
    2: """
        array.concat bits.and bits.lsh bits.or bits.rsh bits.xor concat contains
        crypto.hmac.equal crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512
        endswith format_int graph.reachable graph.reachable_paths indexof indexof_n
        io.jwt.verify_hs256 io.jwt.verify_rs256 json.filter json.marshal_with_options
        json.match_schema json.patch json.remove net.cidr_contains net.cidr_contains_matches
        net.cidr_intersects numbers.range object.filter object.remove object.subset object.union
        regex.globs_match regex.match regex.split semver.compare set_diff split sprintf
        startswith strings.any_prefix_match strings.any_suffix_match strings.count
        strings.render_template strings.replace_n time.diff time.parse_ns trim trim_left
        trim_prefix trim_right trim_suffix
    """,
    3: """
        array.slice glob.match numbers.range_step object.get regex.find_all_string_submatch_n
        regex.find_n regex.replace replace substring
    """,
    4: """
        regex.template_match time.add_date
    """,
}

ARITY = {name: arity for arity, names in _BY_ARITY.items() for name in names.split()} | {
    name: arity for name, (arity, _) in EXTENSIONS.items()
}
"""The number of arguments by the function's name."""


def builtin_arity(term: Json, scope: VariableScope) -> int | None:
    """Return how many arguments the built-in function takes that a term names, if it does."""
    if REFERENCES.isdisjoint(as_object(term)):
        return None
    kind, node = variant(first_link(term))
    variable = scope.variable(node) if kind == "Var" else None
    name = called_name(term) if variable and variable.key == variable.name else None
    return ARITY.get(".".join(name)) if name else None
