"""The types `token` and `console`: an approver signs, and the host brings what was signed."""

from app.core.approval import Answer, Question
from app.core.values import JsonObject

__all__ = ["SignedApproval", "signed_resolver"]


class SignedApproval:
    """Asks nobody: the challenge reaches the approver by the host's own way (`acs-sidecar approve`)."""

    async def ask(self, question: Question) -> Answer | None:  # noqa: ARG002  # the port's signature
        """Have no answer yet."""
        return None


def signed_resolver(path: str, definition: JsonObject) -> SignedApproval:  # noqa: ARG001  # as every type
    """Build the resolver; it takes no members."""
    return SignedApproval()
