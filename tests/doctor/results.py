"""What the tests of the checks share."""

import datetime
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from acs_sidecar.doctor.result import Result, State
from acs_sidecar.settings.tree import Settings

__all__ = ["MANIFEST", "NOW", "settings", "states", "summaries", "written"]

MANIFEST = """
agent_control_specification_version: 0.3.1-beta
policies: {p: {type: test, output: {decision: allow}}}
intervention_points: {input: {policy_target: $snap, policy: {id: p}}}
"""
NOW = datetime.datetime(2027, 1, 31, tzinfo=datetime.UTC).timestamp()


def settings(**given: Any) -> Settings:
    """Settings as `serve` would have them."""
    return Settings(**given)


def summaries(results: Iterable[Result]) -> list[tuple[str, str, str]]:
    """What is not well: check, detail and fix."""
    return [(one.check, one.detail, one.fix) for one in results if one.state is not State.OK]


def states(results: Iterable[Result]) -> list[State]:
    """The states of what is not well."""
    return [one.state for one in results if one.state is not State.OK]


def written(path: Path, days: int = 1) -> None:
    """Date a file so many days before `NOW`."""
    os.utime(path, (NOW - days * 86_400, NOW - days * 86_400))
