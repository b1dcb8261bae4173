"""Where the commands of a fleet find its stream of logs (section 4.4)."""

from acs_sidecar.audit.ship.nats import NatsSettings
from acs_sidecar.cli.output import fail
from acs_sidecar.settings.tree import Settings

__all__ = ["nats_settings"]


def nats_settings(settings: Settings) -> NatsSettings:
    """Return the settings of the fleet's stream; exits with an error if no server is configured."""
    if not settings.audit_nats_url:
        fail("no NATS server is configured: set ACS_AUDIT_NATS_URL, such as nats://127.0.0.1:4222")
    return NatsSettings(settings.audit_nats_url, settings.audit_nats_creds_file, settings.audit_nats_ca_file)
