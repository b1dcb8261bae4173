"""LlamaIndex: the function that a tool was made of, which agents that write code are given."""

import inspect
from typing import Any

from llama_index.core.tools import FunctionTool
from llama_index.core.tools.calling import call_tool
from trying import delete_file, main

from acs_client import Session, govern
from acs_client.integrations.llama_index import govern_tool


def _tool(session: Session) -> Any:
    return govern_tool(FunctionTool.from_defaults(delete_file), session)


if __name__ == "__main__":
    main(
        {
            "function": lambda session: _tool(session).real_fn("x"),
            "call": lambda session: call_tool(_tool(session), {"path": "x"}).content,
            "by one import": lambda session: (
                call_tool(
                    govern(FunctionTool.from_defaults(delete_file), session=session), {"path": "x"}
                ).content
            ),
            "signature": lambda session: inspect.signature(_tool(session).real_fn),
        }
    )
