"""The verbs of the command, each imported when it is called or listed: none waits for another's imports."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup

from acs_sidecar.spec.printable import printable
from acs_sidecar.startup import lasting_imports

if TYPE_CHECKING:
    from typer._click import Command, Context

__all__ = ["VERBS", "LazyGroup", "Verbs", "lazy_group"]

VERBS = {
    "serve": "serve:serve",
    "doctor": "doctor:doctor",
    "evaluate": "policies.evaluate:evaluate",
    "validate": "policies.validate:validate",
    "test": "policies.test:test",
    "redteam": "policies.redteam.commands:redteam",
    "approve": "keys.approve:approve",
    "detect": "detectors.detect:detect",
    "detectors": "detectors.detect:detectors",
    "mcp": "policies.mcp.commands:mcp",
    "init": "policies.init:init",
    "migrate": "policies.migrate:migrate",
    "digest": "policies.digest:digest",
    "sign": "policies.sign:sign",
    "verify": "policies.verify:verify",
    "agt": "policies.agt.commands:agt",
    "oags": "policies.oags.commands:oags",
    "policy": "policies.workspace.commands:policy",
    "soul": "policies.soul.commands:soul",
    "console": "console:console",
    "config": "config:config",
    "token": "keys.token:token",
    "openapi": "openapi:openapi",
    "schema": "policies.schema:schema",
    "approvals": "keys.approve:approvals",
    "audit": "audit.commands:audit",
    "compliance": "compliance.commands:compliance",
}


class LazyGroup(TyperGroup):
    """A group of `verbs`, as `module:function` or `module:group` below this package."""

    verbs: ClassVar[Mapping[str, str]]

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002  # the base's signature
        """Name the verbs, in the order of their table."""
        return list(self.verbs)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        """Import a verb. For a name that is none, import all, so that a near one can be suggested."""
        if cmd_name not in self.verbs:
            for verb in self.verbs:
                self.get_command(ctx, verb)
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _command(cmd_name, self.verbs[cmd_name])
        return self.commands[cmd_name]


def lazy_group(verbs: Mapping[str, str], description: str) -> typer.Typer:
    """Return a group of verbs for the table of another group."""
    group = typer.Typer(
        cls=type("LazyGroup", (LazyGroup,), {"verbs": verbs}),
        add_completion=False,
        no_args_is_help=True,
        help=description,
    )
    group.callback()(lambda: None)  # a group, though nothing is registered
    return group


class Verbs(LazyGroup):
    """The group of all verbs."""

    verbs = VERBS

    def make_context(self, *arguments: Any, **members: Any) -> "Context":  # noqa: ANN401  # the base's own
        """Read the command line as the base does; what it quotes of it is safe to show."""
        with _printable_errors():
            return super().make_context(*arguments, **members)

    def invoke(self, ctx: "Context") -> Any:  # noqa: ANN401  # the base's own
        """Run a verb as the base does."""
        with _printable_errors():
            return super().invoke(ctx)


@contextmanager
def _printable_errors() -> Iterator[None]:
    try:
        yield
    except ClickException as error:
        error.message = printable(error.message)
        raise


def _command(name: str, place: str) -> "Command":
    module, _, attribute = place.partition(":")
    with lasting_imports():
        verb = getattr(import_module(f"acs_sidecar.cli.{module}"), attribute)
    if not isinstance(verb, typer.Typer):
        function, verb = verb, typer.Typer(add_completion=False, rich_markup_mode="markdown")
        verb.command(name)(function)
    command = typer.main.get_command(verb)
    command.name = name
    return command
