"""The page of the HTTP routes (sections 2.3 and 2.4)."""

from acs_sidecar.transports.http.access import ROUTES, Access
from acs_sidecar.transports.http.app import create_api
from docs.generate.markdown import code, paragraphs, table

__all__ = ["page"]

_UNDESCRIBED = {
    "GET /openapi.json": "The OpenAPI document.",
    "GET /docs": "The interface for people, offline.",
    "GET /docs/oauth2-redirect": "Part of `/docs`.",
    "GET /static-offline-docs": "Files of `/docs`.",
}
"""Routes that the OpenAPI document leaves out."""


def page() -> str:
    """Return the page of every route. Raises `KeyError` for one without a text."""
    described = {
        f"{method.upper()} {path}": str(operation.get("description") or operation["summary"])
        for path, item in create_api().openapi()["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    texts = {**_UNDESCRIBED, **described}
    rows = [
        (code(route.replace(":path}", "}")), _needs(needs), _text(texts, route))
        for route, needs in ROUTES.items()
    ]
    return paragraphs(
        "# HTTP routes",
        "Section 2.4 says who needs a credential; a caller then needs the scope listed here, or `admin`. A route that is not in this "
        "table is not served. `HEAD` is allowed where `GET` is.",
        table(("route", "who", ""), rows),
    )


def _needs(needs: Access | str) -> str:
    if needs is Access.OPEN:
        return "everybody"
    return str(needs.value) if isinstance(needs, Access) else f"scope `{needs}`"


def _text(texts: dict[str, str], route: str) -> str:
    return texts[route if route in texts else route.replace(":path}", "}")].split("\n\n")[0]
