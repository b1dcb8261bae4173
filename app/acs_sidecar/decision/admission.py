"""Admission: every check of a request before its evaluation (sections 2.1, 2.4, 2.5)."""

from acs_sidecar.decision.caller import Caller, Scope, Sender
from acs_sidecar.decision.ports import ManifestSource
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.subject import has_two_agents
from acs_sidecar.spec.dialects.versions import DIALECT_03
from acs_sidecar.spec.manifest.compiled import AnyManifest

__all__ = ["Admission", "require_scope"]


def _require_agent(caller: Caller | None, request: EvaluateRequest, dialect: Dialect) -> None:
    """Raise `RefusalError` unless the caller may act for the agent of the snapshot."""
    if caller is not None and not caller.speaks_for(request.snapshot, dialect):
        outer = dialect.agent_contexts and "agent" in request.snapshot
        path = "snapshot.agent.id" if outer else "snapshot.envelope.agent.id"
        raise RefusalError(
            Cause.AGENT,
            f"this caller is not allowed to act for this agent (`{path}`)",
            request_id=request.request_id,
        )


def require_scope(caller: Caller | None) -> None:
    """Raise `RefusalError` unless the caller may request decisions; `None` means no authentication."""
    if caller is not None and Scope.EVALUATE not in caller.scopes:
        raise RefusalError(Cause.SCOPE, f"this caller lacks the scope `{Scope.EVALUATE}` for this route")


class Admission:
    """Admits requests. `included` are the values of `include` that the operator leaves on."""

    def __init__(self, manifests: ManifestSource, included: frozenset[str]) -> None:
        self._manifests = manifests
        self._included = included

    async def admit(self, request: EvaluateRequest, sender: Sender) -> AnyManifest:
        """Check a request and return its compiled manifest. Raises `RefusalError`."""
        caller, snapshot = sender.caller, request.snapshot
        require_scope(caller)
        # 1. A caller that speaks for another's agent. Which agent that is may depend on the manifest.
        depends = "agent" in snapshot
        if not depends:
            _require_agent(caller, request, DIALECT_03)
        # 2. A caller that wants to see more than the operator shows.
        if not request.include <= self._included:
            name = min(request.include - self._included)
            raise RefusalError(
                Cause.FORBIDDEN,
                f"`include` of `{name}` is disabled by the operator (ACS_INCLUDE)",
                request_id=request.request_id,
            )
        manifest: AnyManifest
        if request.admitted is not None:
            # A span of a stream is evaluated against what its stream was admitted with, after a reload too.
            manifest = request.admitted
        elif request.manifest is None:
            # 3. A caller that picks a policy which is not for it.
            manifest = self._named(request.manifest_ref, caller)
        else:
            # 4. A caller that brings its own policy.
            if caller is not None and not caller.inline:
                raise RefusalError(Cause.INLINE, "this caller is not allowed to send inline manifests")
            manifest = await self._manifests.brought(
                request.manifest, request.nesting, request.manifest_signature, sender.owner
            )
        if depends:
            _require_agent(caller, request, manifest.dialect)
            # 5. A caller that is let in as one agent and would be decided upon as another.
            if has_two_agents(snapshot, manifest.dialect):
                raise RefusalError(
                    Cause.MALFORMED,
                    "`agent.id` and `envelope.agent.id` of the snapshot differ: send one of them",
                    request_id=request.request_id,
                )
        return manifest

    def _named(self, reference: str | None, caller: Caller | None) -> AnyManifest:
        """Return an operator's manifest that the caller may use.

        A caller that may not use all of them does not learn which others are loaded.
        """
        if caller is None or caller.manifests is None:
            return self._manifests.named(reference)
        refusal = RefusalError(
            Cause.MANIFEST, "this caller is not allowed to use this manifest, or it is not loaded"
        )
        try:
            found = self._manifests.named(reference)
        except RefusalError as error:
            raise (refusal if error.cause is Cause.NOT_FOUND else error) from None
        if not caller.may_use(found.name):
            raise refusal
        return found
