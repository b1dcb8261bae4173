"""Makes a new log beside those that are there, at a start and at a rotation (sections 4.2, 4.3)."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acs_sidecar.audit.format.claims import ManifestDigests, Predecessor
from acs_sidecar.audit.format.origin import origin_of
from acs_sidecar.audit.log.directory import DIRECTORY_MODE, LogDirectory
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.audit.log.locks import locked
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.recovery import Damage, Survey, survey
from acs_sidecar.spec.values import Json
from acs_sidecar.startup import StartError

__all__ = ["AuditDamagedError", "AuditLogSettings", "prepare_log"]


class AuditDamagedError(StartError):
    """A log is damaged and the service was told not to start then; `damage` says which and how."""

    def __init__(self, damage: Sequence[Damage]) -> None:
        super().__init__("; ".join(f"the audit log `{one.log}` is damaged: {one.detail}" for one in damage))
        self.damage = tuple(damage)


@dataclass(frozen=True, slots=True)
class AuditLogSettings:
    """Where and how a process keeps its logs. `facts` (versions, …) go into `log_opened` as they are.

    `manifests` returns those in force when a log is opened.
    """

    directory: Path
    name: str
    instance: str
    worker: str
    durability: Durability = Durability.WRITE
    refuse_on_damage: bool = False
    limits: LogLimits = field(default_factory=LogLimits)
    facts: Mapping[str, Json] = field(default_factory=dict)
    manifests: Callable[[], ManifestDigests] = dict
    publish_seconds: float = 0.1
    retry_seconds: float = 1.0
    announce_seconds: float = 60.0


def prepare_log(
    settings: AuditLogSettings, key: AuditKey, known: Mapping[str, Predecessor]
) -> tuple[OpenLog, Survey]:
    """Look at the logs that are there, `known` ones aside, and make an empty one; nobody else does meanwhile.

    Raises `OSError`, and `AuditDamagedError` where a damaged log is to prevent that.
    """
    root = settings.directory
    root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    origin = origin_of(settings.name, settings.instance, settings.worker, secrets.token_hex(8))
    with locked(root):
        found = survey(root, key.trust, known, settings.refuse_on_damage)
        if found.damage and settings.refuse_on_damage:
            raise AuditDamagedError(found.damage)
        log = OpenLog(LogDirectory(root, origin), key.private, settings.durability, settings.limits)
    return log, found
