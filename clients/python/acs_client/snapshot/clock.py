"""The time as snapshots have it: RFC 3339 in UTC with milliseconds, and seconds that only grow."""

import datetime
import time

__all__ = ["Clock"]


class Clock:
    """The time of the machine."""

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def timestamp(self) -> str:
        """Return the time as text."""
        moment = datetime.datetime.fromtimestamp(self.now(), datetime.UTC)
        return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
