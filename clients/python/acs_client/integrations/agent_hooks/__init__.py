"""Agent Hooks (section 12.9): `SidecarInterceptor(session)` for any host of that contract.

The host emits the points, holds streams and writes transforms back. Whatever goes wrong here is a deny.
"""

from acs_client.integrations.agent_hooks.interceptor import SidecarInterceptor
from acs_client.integrations.agent_hooks.resolver import SidecarResolver

__all__ = ["SidecarInterceptor", "SidecarResolver"]
