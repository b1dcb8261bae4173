"""A canned server for tests in other languages: `python -m tests.clients.canned_control`, steered by lines of JSON.

The first line of the output is `{"url", "bad"}`, with the causes and statuses of `answers.BAD_ANSWERS`. Each line of
the input, `{"answers"?, "hang_up"?}`, sets what is answered and starts the counts anew: an answer is the name of a
bad one, `null` for silence, a text of Latin-1 for raw bytes, or `{"body", "status"?, "headers"?}`. Each is answered
by `{"requests", "connections"}`, the counts before it.
"""

import json
import sys
from typing import Any

from tests.clients.answers import BAD_ANSWERS
from tests.clients.canned import canned, reply


def _content(answer: Any) -> bytes | None:
    if answer is None:
        return None
    if isinstance(answer, str):
        return BAD_ANSWERS[answer][0] if answer in BAD_ANSWERS else answer.encode("latin-1")
    return reply(answer["body"], answer.get("status", 200), **answer.get("headers", {}))


def main() -> None:
    """Serve until the input ends."""
    with canned(None) as server:
        bad = {name: {"cause": cause, "status": status} for name, (_, cause, status) in BAD_ANSWERS.items()}
        _print({"url": server.url, "bad": bad})
        for line in sys.stdin:
            command = json.loads(line)
            counts = {
                "requests": [request.decode("latin-1") for request in server.requests],
                "connections": server.connections,
            }
            if command.get("hang_up"):
                server.hang_up()
            if "answers" in command:
                server.answers = [_content(answer) for answer in command["answers"]]
                server.requests.clear()
                server.connections = 0
            _print(counts)


def _print(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
