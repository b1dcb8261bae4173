"""Both ways to make records durable."""

import pytest

from acs_sidecar.audit.log.open_log import Durability

__all__ = ["BOTH"]

BOTH = pytest.mark.parametrize("durability", [Durability.WRITE, Durability.FSYNC])
