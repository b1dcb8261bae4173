"""Who may use which route (section 2.4): a route that is not in `ROUTES` is not served."""

import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from acs_sidecar.access.callers import Callers
from acs_sidecar.access.peer import Peer
from acs_sidecar.decision.caller import Caller, Scope
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.transports.http.exchange import Headers
from acs_sidecar.transports.http.problems import HttpRefusalError, scope_challenge

__all__ = ["ROUTES", "Access", "Guard", "RouteRule", "UndeclaredRouteError", "allow_header", "route_rules"]


class Access(StrEnum):
    """What a route asks for when it is not a scope."""

    OPEN = "open"
    ANY_CALLER = "any caller"


ROUTES: Mapping[str, Access | Scope] = {
    "POST /v1/evaluate": Scope.EVALUATE,
    "POST /v1/evaluate/{intervention_point}": Scope.EVALUATE,
    "POST /v1/evaluate:batch": Scope.EVALUATE,
    "POST /v1/evaluate:stream": Scope.EVALUATE,
    "POST /v1/approvals:resolve": Scope.EVALUATE,
    "POST /v1/intercept": Scope.EVALUATE,
    "POST /v1/manifests:validate": Scope.EVALUATE,
    "GET /v1/manifest.schema.json": Access.ANY_CALLER,
    "GET /v1/manifests": Scope.MANIFESTS_READ,
    "GET /v1/manifests/{name}": Scope.MANIFESTS_READ,
    "GET /v1/audit/logs": Scope.AUDIT_READ,
    "GET /v1/audit/checkpoint": Scope.AUDIT_READ,
    "GET /v1/audit/records": Scope.AUDIT_READ,
    "GET /v1/audit/records/{index}": Scope.AUDIT_READ,
    "GET /v1/audit/proofs/inclusion": Scope.AUDIT_READ,
    "GET /v1/audit/proofs/consistency": Scope.AUDIT_READ,
    "GET /v1/audit/receipts/{index}": Scope.AUDIT_READ,
    "GET /v1/audit/tlog/{name}/{instance}/{worker}/{epoch}/{path:path}": Scope.AUDIT_READ,
    "GET /v1/info": Access.ANY_CALLER,
    "GET /openapi.json": Access.ANY_CALLER,
    "GET /docs": Access.ANY_CALLER,
    "GET /docs/oauth2-redirect": Access.ANY_CALLER,
    "GET /static-offline-docs": Access.ANY_CALLER,
    "GET /metrics": Scope.METRICS,
    "GET /healthz": Access.OPEN,
    "GET /readyz": Access.OPEN,
}
"""Every route by method and path, and what a caller needs for it where callers must authenticate."""


class UndeclaredRouteError(RuntimeError):
    """A route that nobody said who may use."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """What one route needs; `path` matches exactly what the router matches."""

    methods: frozenset[str]
    path: re.Pattern[str]
    needs: Access | Scope


def route_rules(routes: Sequence[BaseRoute]) -> tuple[RouteRule, ...]:
    """Return the rules of an application's routes, in the order in which they are matched.

    Raises `UndeclaredRouteError` for a route that `ROUTES` does not name.
    """
    return tuple(
        RouteRule(
            frozenset(route.methods or {"GET", "HEAD"}), route.path_regex, _needs(route.methods, route.path)
        )
        for route in iter_route_contexts(routes)
    )


def _needs(methods: Iterable[str] | None, path: str | None) -> Access | Scope:
    # A route of files has no methods of its own; HEAD is the GET of the same route.
    keys = [f"{method} {path}" for method in sorted(methods or {"GET"}) if method != "HEAD"]
    needs = {ROUTES.get(key) for key in keys}
    found = needs.pop() if len(needs) == 1 else None
    if found is None:
        message = f"declare in acs_sidecar.transports.http.access.ROUTES who may use {' and '.join(keys)}"
        raise UndeclaredRouteError(message)
    return found


class Guard:
    """Names the caller of a request, and tells whether it may use a route.

    `callers` gives the callers in force; `clock` gives Unix time in seconds.
    """

    def __init__(
        self,
        callers: Callable[[], Callers],
        rules: tuple[RouteRule, ...],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._callers = callers
        self._rules = rules
        self._clock = clock

    def identify(self, headers: Headers, peer: Peer | None) -> Caller:
        """Name the caller, by its token or else by its connection. Raises `RefusalError`."""
        credential = headers.authorization
        if credential is None:
            return self._by_connection(peer)
        token = credential[7:].strip()
        if credential[:7].lower() != b"bearer " or not token:
            raise _unauthorised("the Authorization header must be `Bearer <token>` and occur once")
        digest = sha256(token).digest()
        known = self._callers().by_token.get(digest)
        if known is None or not hmac.compare_digest(known[0], digest):
            raise _unauthorised("unknown token", "invalid_token")
        return self._in_time(known[1])

    def admit(self, method: str, path: str, headers: Headers, peer: Peer | None) -> Caller | None:
        """Name the caller of a route that is not a decision's; `None` where the route is open.

        Raises `RefusalError`, also for what no rule covers.
        """
        matching = [rule for rule in self._rules if rule.path.match(path)]
        rule = next((rule for rule in matching if method in rule.methods), None)
        if rule is not None and rule.needs is Access.OPEN:
            return None
        caller = self.identify(headers, peer)
        if rule is None:
            raise _no_route(matching)
        if isinstance(rule.needs, Scope) and rule.needs not in caller.scopes:
            raise _out_of_scope(rule.needs)
        return caller

    def _by_connection(self, peer: Peer | None) -> Caller:
        if peer is None:
            raise _unauthorised("a credential is required: send `Authorization: Bearer <token>`")
        caller = self._callers().of_peer(peer.names)
        if caller is None:
            raise _unauthorised("the connection's certificate or user does not identify a known caller")
        if peer.expires is not None and self._clock() >= peer.expires:
            raise _unauthorised("the connection's certificate has expired")
        return self._in_time(caller)

    def _in_time(self, caller: Caller) -> Caller:
        if caller.expires is not None and self._clock() >= caller.expires:
            raise _unauthorised("the credential has expired", "invalid_token")
        return caller


def _out_of_scope(needed: Scope) -> RefusalError:
    """Return the refusal of a caller who is known and may not use a route."""
    return HttpRefusalError(
        Cause.SCOPE,
        f"this caller lacks the scope `{needed}` for this route",
        headers=scope_challenge(needed),
    )


def _no_route(matching: list[RouteRule]) -> RefusalError:
    if not matching:
        return RefusalError(Cause.NOT_FOUND, "no such route")
    allowed = allow_header(frozenset().union(*(rule.methods for rule in matching)))
    return HttpRefusalError(Cause.METHOD, "method not allowed", headers=((b"allow", allowed.encode()),))


def allow_header(methods: Iterable[str]) -> str:
    """Return the value of `Allow` for a route with these methods: `HEAD` is allowed wherever `GET` is."""
    listed = frozenset(methods)
    return ", ".join(sorted(listed | {"HEAD"} if "GET" in listed else listed))


def _unauthorised(detail: str, error: str | None = None) -> RefusalError:
    challenge = 'Bearer realm="acs-sidecar"' + (f', error="{error}"' if error else "")
    return HttpRefusalError(
        Cause.UNAUTHENTICATED, detail, headers=((b"www-authenticate", challenge.encode()),)
    )
