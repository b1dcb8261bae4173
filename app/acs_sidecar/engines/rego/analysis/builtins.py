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

AVAILABLE = frozenset(_AVAILABLE.split()) | EXTENSIONS.keys()
"""Functions whose value follows from their arguments. (`print` gives `true`; the text goes nowhere.)"""

INSTEAD = {
    "graph.reachable_paths": "its paths may be more than memory holds: use `graph.reachable`",
    "yaml.is_valid": "YAML is read in more than one way: use `json.is_valid`",
    "yaml.marshal": "YAML is written in more than one way: use `json.marshal`",
    "yaml.unmarshal": "YAML is read in more than one way: use `json.unmarshal`",
}
"""Functions of the engine that are refused, and what to write instead."""

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
    "units.parse": (0,),
    "units.parse_bytes": (0,),
}
"""Functions that a few characters can make exhaust memory or never return, and which arguments do."""
