"""Schemas, and what is decided over them."""

__all__ = ["ALLOW", "schema"]
ALLOW = {"decision": "allow"}


def schema(context: str = "{}", more: str = "") -> str:
    """A schema in which the output point has this context."""
    return (
        "entity Agent; entity Tool; entity PolicyTarget;"
        f"action output appliesTo {{ principal: Agent, resource: PolicyTarget, context: {context} }};{more}"
    )
