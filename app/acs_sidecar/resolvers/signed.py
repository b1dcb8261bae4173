"""The types `token` and `console`: an approver signs, and the host brings what was signed."""

from acs_sidecar.spec.approval import Question, ResolverAnswer
from acs_sidecar.spec.ports import AnnotatorContext
from acs_sidecar.spec.values import JsonObject

__all__ = ["SignedApproval", "signed_resolver"]


class SignedApproval:
    """Asks nobody: the challenge reaches the approver by the host's own way (`acs-sidecar approve`)."""

    async def ask(self, question: Question) -> ResolverAnswer | None:  # noqa: ARG002  # the port's signature
        """Have no answer yet."""
        return None


def signed_resolver(
    path: str,  # noqa: ARG001  # as for every type
    definition: JsonObject,  # noqa: ARG001  # same
    context: AnnotatorContext,  # noqa: ARG001  # same
) -> SignedApproval:
    """Build the resolver; it takes no members."""
    return SignedApproval()
