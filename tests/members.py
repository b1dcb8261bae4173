"""The member tables of what comes with the service, for tests that read manifests."""

from acs_sidecar.engines.adapters import rate_card
from acs_sidecar.engines.adapters.agt_rules.adapter import adapter as agt_rules
from acs_sidecar.engines.adapters.combine.adapter import adapter as combine
from acs_sidecar.engines.adapters.oags.adapter import adapter as oags
from acs_sidecar.engines.adapters.soul.adapter import adapter as soul
from acs_sidecar.engines.adapters.workspace_policy.adapter import adapter as workspace_policy
from acs_sidecar.manifests.member_tables import member_catalog

__all__ = ["MEMBERS"]

MEMBERS = member_catalog(
    {
        "agt_rules": agt_rules,
        "combine": combine,
        "oags": oags,
        "rate_card": rate_card.adapter,
        "soul": soul,
        "workspace_policy": workspace_policy,
    }
)
