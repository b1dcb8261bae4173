"""The settings: one frozen tree, from defaults, a YAML file, `ACS_` variables and options (section 2.6)."""

import importlib.util
import ipaddress
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.bounded_files import read_bounded
from acs_sidecar.decision.request import INCLUDES, DuplicateMembers
from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.settings.field_types import HttpsUrl, Listed, Numbers, OriginPart, OtlpEndpoint, Positive
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.suggestions import one_of
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.limits import MAX_CONFIGURABLE_DEPTH, Limits
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.values import Json
from acs_sidecar.startup import StartError
from acs_sidecar.telemetry.options import FULL, EventFilter, LogFormat

__all__ = ["PREFIX", "Loaded", "Settings", "SettingsError", "is_loopback", "load_settings"]

PREFIX = "ACS_"
LIMIT_PREFIX = "ACS_LIMIT_"
MAX_FILE_BYTES = 1_048_576


class SettingsError(StartError):
    """Invalid settings; each line names a setting and says what is allowed."""


class Settings(BaseModel):
    """Everything that can be configured, by the name of its variable without the prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="listen address")
    port: int = Field(8383, ge=0, le=65535, description="listen port; 0 selects a free one")
    uds: Path | None = Field(None, description="Unix socket to listen on, instead of host and port")
    uds_mode: str = Field("600", pattern="^[0-7]{3,4}$", description="octal file mode of the Unix socket")
    workers: Positive = Field(1, le=64, description="worker processes")
    worker_hang_timeout_s: Positive = Field(
        10, description="seconds after which an unresponsive worker is killed and replaced"
    )
    shutdown_timeout_s: Positive = Field(
        20, description="seconds that in-flight requests have to finish at shutdown"
    )
    allowed_hosts: Listed = Field(
        (), description="comma-separated names accepted in the Host header besides loopback"
    )
    allow_public: bool = Field(False, description="allow a non-loopback address without authentication")
    auth_tokens_file: Path | None = Field(
        None,
        description="file of callers, their credentials and scopes; reloaded on change",
    )
    tls_cert_file: Path | None = Field(
        None, description="PEM certificate chain of the server; reloaded on change"
    )
    tls_key_file: Path | None = Field(
        None, description="PEM private key of the server certificate; reloaded on change"
    )
    tls_client_ca_file: Path | None = Field(
        None,
        description="PEM file of CA certificates for client certificates (mutual TLS); reloaded on change",
    )
    tls_client_certificate: Literal["required", "optional"] = Field(
        "required", description="required, or optional: a client without a certificate may send a token"
    )
    uds_allowed_uids: Numbers = Field(
        (), description="comma-separated user IDs allowed on the Unix socket; default: any"
    )
    request_timeout_s: Positive = Field(
        10, description="seconds for receiving a request and for sending its response"
    )
    keep_alive_s: Positive = Field(60, description="seconds before an idle connection is closed")
    max_body_bytes: Positive = Field(4_194_304, description="maximum request body size in bytes")
    max_in_flight: Positive = Field(
        1_024, description="maximum concurrent requests; further ones are answered with 429"
    )
    stream_max: Positive = Field(64, description="maximum open streams; further ones are answered with 429")
    stream_idle_s: Positive = Field(30, description="seconds without a line after which a stream fails")
    duplicate_members: DuplicateMembers = Field(
        DuplicateMembers.REFUSE,
        description="duplicate members in a request's JSON: refuse (400), or last (the last one counts)",
    )
    dialect: Vocabulary | None = Field(
        None,
        description="vocabulary of verdicts for requests without `dialect`: 0.3 or 0.4; "
        "default: that of the manifest",
    )
    include: Listed = Field(
        ("policy_input", "trace", "receipt", "context_identity"),
        description="comma-separated values that callers may request with `include`",
    )

    manifests: Path = Field(
        Path("manifests"), description="directory of manifests, or a single manifest file"
    )
    policy_roots: Listed = Field(
        (), description="comma-separated directories that manifests may read policies and parents from"
    )
    manifests_strict: bool = Field(True, description="refuse to start if a manifest is invalid")
    manifests_watch: bool = Field(
        False,
        description="reload when files of `ACS_MANIFESTS` or `ACS_POLICY_ROOTS` change, not only on SIGHUP",
    )
    manifests_url: HttpsUrl | None = Field(
        None,
        description="HTTPS URL of a .tar.gz of a directory of manifests, served instead of `ACS_MANIFESTS`",
    )
    manifests_url_sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="required SHA-256 of the bundle; default: any"
    )
    manifests_url_token_file: Path | None = Field(
        None, description="file with the bearer token for that server; read at each fetch"
    )
    manifests_poll_s: Positive = Field(30, le=86_400, description="seconds between checks for a new bundle")
    manifests_kept_dir: Path = Field(
        Path("var/manifests"),
        description="directory that keeps the last valid bundle, for starts while the server is unreachable",
    )
    default_manifest: str | None = Field(None, description="manifest for requests that name none")

    policy_data_max_nodes: Positive = Field(
        2_000_000, description="maximum number of values and names in one JSON data file of a Rego policy"
    )
    policy_data_max_bytes: Positive = Field(
        16 * 1024 * 1024, description="maximum size of one JSON data file of a Rego policy, in bytes"
    )

    inline_manifests: InlineMode | None = Field(
        None,
        description="manifests in requests: deny, sandboxed, signed or trusted; default: see the docs",
    )
    inline_trust_file: Path | None = Field(
        None, description="file of the keys trusted to sign inline manifests; reloaded on change"
    )
    signed_manifests_max_age: Positive | None = Field(
        None, description="seconds after its `not_before` that a manifest signature is accepted; default: any"
    )
    inline_cache: Positive = Field(64, description="maximum number of compiled inline manifests in the cache")
    inline_cache_bytes: Positive = Field(
        64 * 1024 * 1024, description="maximum memory of a worker for compiled inline manifests, in bytes"
    )
    inline_adapters: Listed = Field(
        (),
        description="comma-separated adapters that inline manifests may use besides those built in",
    )
    outbound_allow: Listed = Field(
        (), description="comma-separated URL prefixes that inline manifests may call"
    )
    fetch_ca_file: Path | None = Field(
        None, description="PEM file of additional CA certificates for remote manifests"
    )
    fetch_allow_addresses: Listed = Field(
        (), description="comma-separated networks exempt from the fetch address blocklist"
    )
    sandbox_children: Positive = Field(2, le=64, description="number of warm sandbox processes")
    sandbox_max_children: Positive = Field(8, le=256, description="maximum number of sandbox processes")

    audit_dir: Path = Field(Path("var/audit"), description="audit log directory")
    audit_name: OriginPart = Field("acs-sidecar", description="first part of each log's name")
    audit_instance: OriginPart | None = Field(
        None, description="second part of each log's name; default: the host name"
    )
    audit_key_file: Path = Field(
        Path("var/audit-key.pem"), description="Ed25519 key that signs the log; created if missing"
    )
    audit_durability: Durability = Field(
        Durability.WRITE,
        description="write (survives a process crash), fsync (survives a machine crash) or none (no log)",
    )
    audit_on_damage: Literal["continue", "refuse"] = Field(
        "continue", description="what a damaged log does at start: continue or refuse"
    )

    approval_key_file: Path = Field(
        Path("var/approval-key.pem"),
        description="Ed25519 key that signs approval challenges; created if missing and needed",
    )
    approval_trust_file: Path | None = Field(None, description="YAML file of trusted approvers")

    approval_commands: bool = Field(
        False, description="allow `command` resolvers in the operator's manifests"
    )

    audit_nats_url: Listed = Field(
        (), description="comma-separated NATS servers for `acs-sidecar audit ship`"
    )
    audit_nats_stream: str = Field(
        "ACS_AUDIT", pattern="^[A-Za-z0-9_-]+$", description="JetStream stream for the logs of a fleet"
    )
    audit_nats_creds_file: Path | None = Field(None, description="NATS credentials file")
    audit_nats_ca_file: Path | None = Field(None, description="PEM file of CA certificates for NATS")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="minimum log level")
    log_format: LogFormat = Field(LogFormat.JSON, description="json, or console for terminals")
    telemetry_events: EventFilter = Field(
        EventFilter.NOTABLE, description="decision events: all, notable (everything but plain allows) or off"
    )
    telemetry_level: int = Field(
        0, ge=0, le=FULL, description="performance events: 0 off, 1 annotators and policy, 2 each step"
    )

    console_token_file: Path | None = Field(
        None, description="file with the token that `console --service` sends; read at each request"
    )

    otlp_endpoint: OtlpEndpoint | None = Field(
        None, description="base URL of an OTLP receiver (HTTP, protocol buffers); needs the extra `otlp`"
    )
    otlp_signals: tuple[Literal["metrics", "traces"], ...] = Field(
        ("metrics", "traces"), description="comma-separated signals exported over OTLP"
    )
    otlp_interval_s: Positive = Field(15, le=3600, description="seconds between OTLP metric exports")

    limits: Limits = Field(Limits(), description="evaluation limits, as ACS_LIMIT_<NAME>")

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.inline_manifests is InlineMode.SIGNED and self.inline_trust_file is None:
            raise ValueError(
                "ACS_INLINE_MANIFESTS: `signed` requires ACS_INLINE_TRUST_FILE, the keys that may sign"
            )
        if not self.local and self.auth_tokens_file is None and not self.allow_public:
            raise ValueError(
                f"ACS_HOST: `{self.host}` is not loopback and no authentication is configured: set "
                "ACS_AUTH_TOKENS_FILE, listen on 127.0.0.1 or a Unix socket, or set ACS_ALLOW_PUBLIC=true"
            )
        self._check_transport()
        if self.manifests_url is None:
            for name in ("manifests_url_sha256", "manifests_url_token_file"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{PREFIX}{name.upper()}: requires ACS_MANIFESTS_URL")
        if self.sandbox_max_children < self.sandbox_children:
            raise ValueError("ACS_SANDBOX_MAX_CHILDREN: must not be below ACS_SANDBOX_CHILDREN")
        if unknown := set(self.include) - INCLUDES:
            raise ValueError(f"ACS_INCLUDE: `{min(unknown)}` is not known; {one_of(sorted(INCLUDES))}")
        if self.otlp_endpoint and importlib.util.find_spec("opentelemetry.exporter") is None:
            raise ValueError("ACS_OTLP_ENDPOINT: OTLP is not installed: `pip install 'acs-sidecar[otlp]'`")
        try:
            OutboundAllow(self.outbound_allow)
        except ValueError as error:
            raise ValueError(f"ACS_OUTBOUND_ALLOW: {error}") from None
        try:
            AddressPolicy(self.fetch_allow_addresses)
        except ValueError as error:
            raise ValueError(
                f"ACS_FETCH_ALLOW_ADDRESSES: {error}; use networks such as 10.1.0.0/16"
            ) from None
        return self

    def _check_transport(self) -> None:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE: must be set together")
        if self.tls_cert_file is not None and self.uds is not None:
            raise ValueError("ACS_TLS_CERT_FILE: not supported on a Unix socket")
        if self.tls_client_ca_file is not None:
            if self.tls_cert_file is None:
                raise ValueError("ACS_TLS_CLIENT_CA_FILE: requires ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE")
            if self.auth_tokens_file is None:
                raise ValueError(
                    "ACS_TLS_CLIENT_CA_FILE: requires ACS_AUTH_TOKENS_FILE, which maps certificates to "
                    "callers"
                )
        if self.uds_allowed_uids and self.uds is None:
            raise ValueError("ACS_UDS_ALLOWED_UIDS: requires ACS_UDS")

    @property
    def local(self) -> bool:
        """True if only this machine can connect."""
        return self.uds is not None or is_loopback(self.host)


class Loaded(BaseModel):
    """Settings with where each value came from: `default`, a file's name, a variable, an option."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    sources: Mapping[str, str]


def is_loopback(host: str) -> bool:
    """True if an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(
    environ: Mapping[str, str], file: Path | None = None, options: Mapping[str, Json | Path] | None = None
) -> Loaded:
    """Merge the layers, later ones winning, and validate. Raises `SettingsError` with every fault."""
    values: dict[str, object] = {}
    limits: dict[str, object] = {}
    sources = dict.fromkeys([*Settings.model_fields, *map(_limit_field, Limits.names())], "default")
    faults: list[str] = []
    layers: list[tuple[Mapping[str, object], str | None]] = []
    if file is not None:
        layers.append((_file_values(file), f"file {file.name}"))
    layers.append(({name: text for name, text in environ.items() if name.startswith(PREFIX)}, None))
    layers.append(({PREFIX + name.upper(): value for name, value in (options or {}).items()}, "option"))
    for layer, origin in layers:
        for name, value in layer.items():
            field = _field_of(name)
            if field is None:
                faults.append(f"{name}: unknown setting; run `acs-sidecar config` to list all settings")
                continue
            sources[field] = origin or "environment"
            if field.startswith("limits."):
                limits[field.removeprefix("limits.")] = value
            else:
                values[field] = _listed(Settings.model_fields[field], value)
    checked = _checked_limits(limits, faults)
    if faults:
        raise SettingsError(*faults)
    try:
        settings = Settings.model_validate({**values, "limits": checked})
    except ValidationError as error:
        raise SettingsError(*map(_fault, error.errors())) from None
    return Loaded(settings=settings, sources=sources)


def _limit_field(name: str) -> str:
    return f"limits.{name}"


def _field_of(variable: str) -> str | None:
    """Return the field that a variable sets: `port`, `limits.max_snapshot_bytes`; `None` for none."""
    if variable.startswith(LIMIT_PREFIX):
        name = variable.removeprefix(LIMIT_PREFIX).lower()
        return _limit_field(name) if name in Limits.names() else None
    name = variable.removeprefix(PREFIX).lower()
    return name if variable.startswith(PREFIX) and name in Settings.model_fields.keys() - {"limits"} else None


def _listed(field: FieldInfo, value: object) -> object:
    """Split a text at its commas where the setting is a list."""
    if get_origin(field.annotation) is tuple and isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _file_values(file: Path) -> Mapping[str, object]:
    try:
        document = parse_document(read_bounded(file, MAX_FILE_BYTES).decode())
    except OSError as error:
        raise SettingsError(f"--config {file}: {error.strerror}") from None
    except (DocumentError, UnicodeDecodeError) as error:
        raise SettingsError(f"--config {file}: {error}") from None
    if not isinstance(document.value, dict):
        raise SettingsError(f"--config {file}: must be a mapping of settings such as ACS_PORT")
    return document.value


def _checked_limits(limits: Mapping[str, object], faults: list[str]) -> Limits:
    values: dict[str, int] = {}
    for name, value in limits.items():
        variable = LIMIT_PREFIX + name.upper()
        try:
            number = int(str(value))
        except ValueError:
            number = 0
        if number <= 0:
            faults.append(f"{variable}: must be an integer above 0")
        elif name == "max_policy_input_depth" and number > MAX_CONFIGURABLE_DEPTH:
            faults.append(f"{variable}: must be at most {MAX_CONFIGURABLE_DEPTH}")
        else:
            values[name] = number
    known = {field.name for field in fields(Limits)}
    return Limits(**{name: value for name, value in values.items() if name in known})


def _fault(error: Mapping[str, object] | object) -> str:
    details = error if isinstance(error, dict) else {}
    place = ".".join(str(part) for part in details.get("loc", ()))
    message = str(details.get("msg", "")).removeprefix("Value error, ")
    return f"{PREFIX}{place.upper()}: {message}" if place else message
