"""The failures that keep the service from starting, whichever part they come from."""

__all__ = ["StartError"]


class StartError(Exception):
    """A failure that prevents the start: each line says what is wrong, where, and what to do.

    `exit_code` is that of the command; `advice` is what to do where the message itself does not say it.
    """

    exit_code = 2
    advice: str | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """What there is to say, one fault a line; a line end within one of them is text that it quotes."""
        return (str(self),)
