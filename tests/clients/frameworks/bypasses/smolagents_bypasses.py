"""smolagents: executors that are sent the source of a tool, and run that."""

from typing import Any

from smolagents import AgentLogger, LocalPythonExecutor, LogLevel, Tool
from smolagents.remote_executors import RemotePythonExecutor
from trying import RAN, main

from acs_client import Session, govern
from acs_client.integrations.smolagents import govern_tool


class DeleteFile(Tool):
    """A tool whose source is all that another place needs."""

    name = "delete_file"
    description = "Delete."
    inputs = {"path": {"type": "string", "description": "Which."}}  # noqa: RUF012  # the package's
    output_type = "string"

    def forward(self, path: str) -> str:
        """Delete."""
        return "secret-123"


class Elsewhere(RemotePythonExecutor):
    """Another place, which is here after all."""

    def __init__(self) -> None:
        super().__init__([], AgentLogger(level=LogLevel.OFF))

    def run_code_raise_errors(self, code: str) -> Any:
        """Note what would run there."""
        RAN.append("code")
        return code

    def install_packages(self, additional_imports: list[str]) -> list[str]:
        """None."""
        return additional_imports


def elsewhere(session: Session) -> Any:
    """The source of a governed tool is sent."""
    return Elsewhere().send_tools({"delete_file": govern_tool(DeleteFile(), session)})


def here(session: Session) -> Any:
    """Code of a model calls a governed tool."""
    executor = LocalPythonExecutor([])
    executor.send_tools({"delete_file": govern_tool(DeleteFile(), session)})
    return executor("delete_file(path='x')").output


if __name__ == "__main__":
    main(
        {
            "elsewhere": elsewhere,
            "here": here,
            "by one import": lambda session: govern(DeleteFile(), session=session)(path="x"),
        }
    )
