"""The functions that a policy may call: those of this engine build that are pure (section 1.9).

An allow-list, so that a function which nobody has looked at is refused.
"""

from acs_sidecar.engines.rego.extensions.registry import EXTENSIONS

__all__ = ["AVAILABLE", "IMPURE", "INSTEAD", "UNBOUNDED", "ZONED"]

_AVAILABLE = """
    abs array.concat array.reverse array.slice base64.decode base64.encode base64.is_valid
    base64url.decode base64url.encode base64url.encode_no_pad bits.and bits.lsh bits.negate bits.or
    bits.rsh bits.xor ceil concat contains count endswith floor format_int glob.match glob.quote_meta
    graph.reachable hex.decode hex.encode indexof indexof_n intersection is_array
    is_boolean is_null is_number is_object is_set is_string json.filter json.is_valid json.marshal
    json.marshal_with_options json.match_schema json.patch json.remove json.unmarshal json.verify_schema
    lower max min net.cidr_contains net.cidr_expand net.cidr_is_valid numbers.range numbers.range_step
    object.filter object.get object.keys object.remove object.subset object.union object.union_n print
    product regex.find_all_string_submatch_n regex.find_n regex.is_valid regex.match regex.replace
    regex.split regex.template_match replace round semver.compare semver.is_valid sort split sprintf
    startswith strings.any_prefix_match strings.any_suffix_match strings.count strings.replace_n
    strings.reverse substring sum time.add_date time.clock time.date time.diff time.format
    time.parse_duration_ns time.parse_ns time.parse_rfc3339_ns time.weekday to_number trace trim
    trim_left trim_prefix trim_right trim_space trim_suffix type_name union units.parse
    units.parse_bytes upper urlquery.decode urlquery.decode_object urlquery.encode
    urlquery.encode_object uuid.parse walk
"""
_IMPURE = """
    http.send io.jwt.decode_verify io.jwt.encode_sign io.jwt.encode_sign_raw net.lookup_ip_addr
    opa.runtime rand.intn rego.metadata.chain rego.metadata.rule time.now_ns uuid.rfc4122
"""

AVAILABLE = frozenset([*_AVAILABLE.split(), *EXTENSIONS])
"""Functions whose value follows from their arguments. (`print` gives `true`; the text goes nowhere.)"""

_OPERATORS = {
    "and": "a & b",
    "assign": "a := b",
    "div": "a / b",
    "eq": "a = b",
    "equal": "a == b",
    "gt": "a > b",
    "gte": "a >= b",
    "internal.member_2": "x in xs",
    "internal.member_3": "k, x in xs",
    "lt": "a < b",
    "lte": "a <= b",
    "minus": "a - b",
    "mul": "a * b",
    "neq": "a != b",
    "or": "a | b",
    "plus": "a + b",
    "rem": "a % b",
    "set_diff": "a - b",
}
_HOST = "the host finds this out: use a value of the snapshot or of the annotations"
INSTEAD = {
    "all": "use `every x in xs { x == true }`",
    "any": "use `true in xs`",
    "cast_array": "use `[x | some x in xs]`",
    **{
        f"cast_{name}": f"use the value itself behind `is_{name}(x)`"
        for name in ("boolean", "null", "object", "set", "string")
    },
    **{
        f"crypto.{name}": _HOST
        for name in (
            *("parse_private_keys", "x509.parse_and_verify_certificates"),
            *("x509.parse_and_verify_certificates_with_options", "x509.parse_certificate_request"),
            *("x509.parse_certificates", "x509.parse_keypair", "x509.parse_rsa_private_key"),
        )
    },
    "graph.reachable_paths": "its paths may be more than memory holds: use `graph.reachable`",
    **{
        f"graphql.{name}": _HOST
        for name in (
            *("is_valid", "parse", "parse_and_verify", "parse_query", "parse_schema", "schema_is_valid"),
        )
    },
    "internal.print": "use `print`",
    "internal.template_string": "use `sprintf`",
    "internal.test_case": "use a rule of your own",
    "net.cidr_contains_matches": "use `{[i, j] | some i, a in xs; some j, b in ys; net.cidr_contains(a, b)}`",
    **{name: f"use the operator: `{form}`" for name, form in _OPERATORS.items()},
    "providers.aws.sign_req": _HOST,
    "regex.globs_match": "use `glob.match`, or `regex.match` with a text",
    "rego.parse_module": _HOST,
    "strings.render_template": "use `sprintf`, `concat` or `strings.replace_n`",
    "uri.is_valid": "use `regex.match` with the form that a URI has here",
    "uri.parse": "use `regex.find_all_string_submatch_n` with the form that a URI has here",
    "yaml.is_valid": "YAML is read in more than one way: use `json.is_valid`",
    "yaml.marshal": "YAML is written in more than one way: use `json.marshal`",
    "yaml.unmarshal": "YAML is read in more than one way: use `json.unmarshal`",
}
"""Functions of OPA that are refused, and what to write instead."""

IMPURE = frozenset(_IMPURE.split())
"""Functions whose value depends on clock, randomness, network or place, in this engine or in OPA."""

ZONED = frozenset({"time.clock", "time.date", "time.diff", "time.format", "time.weekday"})
"""Functions that take the name of a time zone; the zone `Local` is the machine's."""

UNBOUNDED = {
    "bits.lsh": (1,),
    "json.marshal_with_options": (1,),
    "json.match_schema": (1,),
    "json.patch": (1,),
    "json.verify_schema": (0,),
    "numbers.range": (0, 1),
    "numbers.range_step": (0, 1, 2),
}
"""Functions that a few characters can make exhaust memory or never return, and which arguments do."""
