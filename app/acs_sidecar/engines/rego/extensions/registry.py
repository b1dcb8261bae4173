"""The table of these functions, each with how many arguments it takes."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from acs_sidecar.engines.rego.extensions import (
    arrays,
    decimals,
    digests,
    encodings,
    expressions,
    globs,
    members,
    native,
    networks,
    numbers,
    printing,
    quantities,
    schemas,
    subsets,
    texts,
    versions,
)
from acs_sidecar.engines.rego.extensions.times import dates, layouts

__all__ = ["ARITHMETIC", "EXTENSIONS", "added_for"]

EXTENSIONS: Mapping[str, tuple[int, Callable[..., object]]] = {
    "abs": (1, decimals.absolute),
    "array.flatten": (1, arrays.flatten),
    "base64.decode": (1, encodings.base64_decode),
    "base64.is_valid": (1, encodings.base64_is_valid),
    "base64url.decode": (1, encodings.base64url_decode),
    "bits.and": (2, numbers.both),
    "bits.lsh": (2, numbers.shifted_left),
    "bits.negate": (1, numbers.negate),
    "bits.or": (2, numbers.either),
    "bits.rsh": (2, numbers.shifted_right),
    "bits.xor": (2, numbers.xor),
    "ceil": (1, numbers.ceil),
    "floor": (1, numbers.floor),
    "indexof": (2, texts.indexof),
    "indexof_n": (2, texts.indexof_n),
    "json.is_valid": (1, encodings.json_is_valid),
    "json.marshal": (1, encodings.marshal),
    "object.subset": (2, subsets.is_subset),
    "semver.compare": (2, versions.compare),
    "semver.is_valid": (1, versions.is_valid),
    "substring": (3, texts.substring),
    "urlquery.encode_object": (1, encodings.urlquery_encode_object),
    "urlquery.decode": (1, encodings.urlquery_decode),
    "urlquery.decode_object": (1, encodings.urlquery_decode_object),
    "concat": (2, texts.concat),
    "crypto.hmac.equal": (2, digests.equal),
    **{
        f"crypto.hmac.{name}": (2, digests.keyed_digest(name)) for name in ("md5", "sha1", "sha256", "sha512")
    },
    **{f"crypto.{name}": (1, digests.digest(name)) for name in ("md5", "sha1", "sha256")},
    "format_int": (2, numbers.formatted_integer),
    "glob.match": (3, globs.glob_matches),
    "glob.quote_meta": (1, globs.quoted),
    "io.jwt.decode": (1, digests.decoded_token),
    **{
        f"io.jwt.verify_{family}{bits}": (2, digests.verifier(f"{family}{bits}"))
        for family in ("es", "hs", "ps", "rs")
        for bits in ("256", "384", "512")
    },
    "io.jwt.verify_eddsa": (2, digests.verifier("eddsa")),
    "json.filter": (2, members.filtered),
    "json.marshal_with_options": (2, native.marshal_with_options),
    "json.match_schema": (2, schemas.match_schema),
    "json.remove": (2, members.removed),
    "json.verify_schema": (1, schemas.verify_schema),
    "lower": (1, texts.lower),
    "net.cidr_contains": (2, networks.contains),
    "net.cidr_expand": (1, networks.expand),
    "net.cidr_intersects": (2, networks.intersects),
    "net.cidr_is_valid": (1, networks.is_valid),
    "net.cidr_merge": (1, networks.merge),
    "net.cidr_overlap": (2, networks.contains),
    "re_match": (2, expressions.matches),
    "regex.find_all_string_submatch_n": (3, expressions.find_submatches),
    "regex.find_n": (3, expressions.find_n),
    "regex.is_valid": (1, expressions.is_valid),
    "regex.match": (2, expressions.matches),
    "regex.replace": (3, expressions.replaced),
    "regex.split": (2, expressions.split),
    "regex.template_match": (4, expressions.template_matches),
    "replace": (3, texts.replace),
    "sprintf": (2, printing.formatted),
    "strings.count": (2, texts.count_matches),
    "strings.replace_n": (2, texts.replace_n),
    "strings.split_n": (3, texts.split_n),
    "time.add_date": (4, dates.add_date),
    "time.diff": (2, native.difference),
    "time.format": (1, native.format_time),
    "time.parse_duration_ns": (1, dates.parse_duration),
    "time.parse_ns": (2, layouts.parse_time),
    "time.parse_rfc3339_ns": (1, dates.parse_rfc3339),
    "to_number": (1, numbers.to_number),
    "trace": (1, texts.traced),
    "units.parse": (1, quantities.parse),
    "units.parse_bytes": (1, quantities.parse_bytes),
    "upper": (1, texts.upper),
    "urlquery.encode": (1, texts.urlquery_encode),
}


ARITHMETIC: Mapping[str, tuple[int, Callable[..., object]]] = {
    "acs_sidecar.counted": (2, texts.counted),
    "acs_sidecar.minus": (2, decimals.difference),
    "acs_sidecar.over": (2, decimals.quotient),
    "acs_sidecar.plus": (2, decimals.sum_of),
    "acs_sidecar.product": (1, decimals.product_of_all),
    "acs_sidecar.sum": (1, decimals.sum_of_all),
    "acs_sidecar.times": (2, decimals.product),
    "acs_sidecar.uuid": (1, native.described_identifier),
}
"""Functions that no policy can name: they take the place of operators, and name what the engine answers."""


def added_for(modules: Iterable[str]) -> Iterator[tuple[str, int, Callable[..., object]]]:
    """Yield the functions whose names occur in any of the modules' texts."""
    text = "\n".join(modules)
    for name, (arity, function) in {**EXTENSIONS, **ARITHMETIC}.items():
        if name in text:
            yield name, arity, function
