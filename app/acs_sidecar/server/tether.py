"""A worker's tie to its supervisor: shows that the event loop runs, and ends the worker with it."""

import asyncio
import signal
from collections.abc import Callable

from acs_sidecar.server.channel import Channel, Packet

__all__ = ["Tether"]


class Tether:
    """Used on the worker's event loop.

    `ordered` takes what the supervisor says; `lost` is called once, when it is gone.
    """

    def __init__(
        self,
        channel: Channel,
        beat_s: float,
        hang_timeout_s: float,
        ordered: Callable[[Packet], None],
        lost: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._beat_s = beat_s
        self._hang_timeout_s = hang_timeout_s
        self._ordered = ordered
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(channel.fileno(), self._readable)

    def serving(self) -> None:
        """Report that requests are served now, and start the heartbeat."""
        self._channel.send({"kind": "serving"})
        self._beat()

    def _beat(self) -> None:
        self._channel.send({"kind": "beat"})
        # A policy that never ends when nobody is left to notice: the kernel ends this process after
        # so much processor time without a beat.
        signal.setitimer(signal.ITIMER_PROF, 2 * self._hang_timeout_s)
        self._loop.call_later(self._beat_s, self._beat)

    def _readable(self) -> None:
        try:
            for packet in self._channel.receive():
                self._ordered(packet)
        except EOFError:
            self._loop.remove_reader(self._channel.fileno())
            self._lost()
