"""What the lints remark upon a policy."""

from tests.engines.rego.policies import compiled, definition

__all__ = ["remarks"]


def remarks(code: str, rules: str, shared: str) -> list[str]:
    """Return the places and messages of one code, with `…` for the part that all of them share."""
    statement = compiled(definition(f"package a\n{rules}", None)).statement
    found = [one for one in statement.warnings if one.code == code]
    return [f"{one.line}:{one.column}: {one.message.replace(shared, ' …')}" for one in found]
