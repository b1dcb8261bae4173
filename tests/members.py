"""The member tables of what comes with the service, for tests that read manifests."""

from acs_sidecar.engines.adapters import rate_card
from acs_sidecar.manifests.member_tables import member_catalog

__all__ = ["MEMBERS"]

MEMBERS = member_catalog({"rate_card": rate_card.adapter})
