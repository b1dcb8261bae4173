"""Section 2.6: settings from defaults, a file, the environment and options."""

from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.settings.tree import SettingsError, load_settings


def _faults(environ: dict[str, str], **options: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, options=options)
    return str(caught.value).splitlines()


def test_the_defaults_are_the_documented_ones() -> None:
    """Loopback, port 8383, one worker, and every source is the default."""
    loaded = load_settings({"PATH": "x"})
    settings = loaded.settings
    assert (settings.host, settings.port, settings.workers, settings.uds_mode) == (
        "127.0.0.1",
        8383,
        1,
        "600",
    )
    assert set(loaded.sources.values()) == {"default"}


def test_later_layers_win_and_are_named(tmp_path: Path) -> None:
    """A file is overridden by the environment, and that by an option; the tree says which it was."""
    file = tmp_path / "acs.yaml"
    file.write_text("ACS_PORT: 1\nACS_WORKERS: 2\nACS_LOG_LEVEL: debug\nACS_LIMIT_POLICY_TIMEOUT_MS: 50\n")
    loaded = load_settings({"ACS_PORT": "3", "ACS_WORKERS": "4"}, file, {"port": 5})
    settings = loaded.settings
    assert (settings.port, settings.workers, settings.log_level) == (5, 4, "debug")
    assert settings.limits.policy_timeout_ms == 50
    assert {name: loaded.sources[name] for name in ("port", "workers", "log_level", "host")} == {
        "port": "option",
        "workers": "environment",
        "log_level": "file acs.yaml",
        "host": "default",
    }
    assert loaded.sources["limits.policy_timeout_ms"] == "file acs.yaml"


def test_lists_are_split_at_commas() -> None:
    """A list in a variable is separated by commas, white space does not count."""
    settings = load_settings({"ACS_ALLOWED_HOSTS": "a.example, b.example,"}).settings
    assert settings.allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"ACS_PROT": "1"}, "ACS_PROT: unknown setting; run `acs-sidecar config` to list all settings"),
        ({"ACS_LIMITS": "1"}, "ACS_LIMITS: unknown setting; run `acs-sidecar config` to list all settings"),
        ({"ACS_LIMIT_FUN": "1"}, "ACS_LIMIT_FUN: unknown setting; run `acs-sidecar config` to list all settings"),
        ({"ACS_PORT": "99999"}, "ACS_PORT: Input should be less than or equal to 65535"),
        ({"ACS_PORT": "x"}, "ACS_PORT: Input should be a valid integer, unable to parse string as an integer"),
        ({"ACS_LOG_LEVEL": "loud"}, "ACS_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ({"ACS_UDS_MODE": "999"}, "ACS_UDS_MODE: String should match pattern '^[0-7]{3,4}$'"),
        ({"ACS_LIMIT_MAX_SNAPSHOT_BYTES": "0"}, "ACS_LIMIT_MAX_SNAPSHOT_BYTES: must be an integer above 0"),
        ({"ACS_LIMIT_MAX_SNAPSHOT_BYTES": "big"}, "ACS_LIMIT_MAX_SNAPSHOT_BYTES: must be an integer above 0"),
        ({"ACS_LIMIT_MAX_POLICY_INPUT_DEPTH": "121"}, "ACS_LIMIT_MAX_POLICY_INPUT_DEPTH: must be at most 120"),
        ({"ACS_INLINE_MANIFESTS": "maybe"}, "ACS_INLINE_MANIFESTS: Input should be 'deny', 'sandboxed', 'signed' "
         "or 'trusted'"),
        ({"ACS_INLINE_MANIFESTS": "signed"}, "ACS_INLINE_MANIFESTS: `signed` requires ACS_INLINE_TRUST_FILE, the keys that "
         "may sign"),
        ({"ACS_TLS_CERT_FILE": "x"}, "ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE: must be set together"),
        ({"ACS_TLS_CERT_FILE": "x", "ACS_TLS_KEY_FILE": "x", "ACS_UDS": "x"}, "ACS_TLS_CERT_FILE: not supported "
         "on a Unix socket"),
        ({"ACS_TLS_CLIENT_CA_FILE": "x"}, "ACS_TLS_CLIENT_CA_FILE: requires ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE"),
        ({"ACS_TLS_CLIENT_CA_FILE": "x", "ACS_TLS_CERT_FILE": "x", "ACS_TLS_KEY_FILE": "x"}, "ACS_TLS_CLIENT_CA_FILE: requires "
         "ACS_AUTH_TOKENS_FILE, which maps certificates to callers"),
        ({"ACS_UDS_ALLOWED_UIDS": "1"}, "ACS_UDS_ALLOWED_UIDS: requires ACS_UDS"),
        ({"ACS_AUDIT_NAME": ".."}, "ACS_AUDIT_NAME: must be 1 to 64 of A-Z a-z 0-9 . _ -, and not `.` or `..`"),
        ({"ACS_AUDIT_INSTANCE": "a/b"}, "ACS_AUDIT_INSTANCE: must be 1 to 64 of A-Z a-z 0-9 . _ -, and not `.` or `..`"),
        (
            {"ACS_INCLUDE": "secrets"},
            "ACS_INCLUDE: `secrets` is not known; must be one of `context_identity`, `explain`, `policy_input`, `receipt`, `trace`",
        ),
        ({"ACS_OUTBOUND_ALLOW": "x"}, "ACS_OUTBOUND_ALLOW: `x` is not an http or https URL "
         "without user information, query and fragment"),
        ({"ACS_FETCH_ALLOW_ADDRESSES": "10.0.0.1/8"}, "ACS_FETCH_ALLOW_ADDRESSES: 10.0.0.1/8 has host bits set; "
         "use networks such as 10.1.0.0/16"),
        ({"ACS_SANDBOX_CHILDREN": "9"}, "ACS_SANDBOX_MAX_CHILDREN: must not be below ACS_SANDBOX_CHILDREN"),
    ],
)  # fmt: skip
def test_a_fault_names_the_variable(environ: dict[str, str], fault: str) -> None:
    """An unknown variable or a bad value stops the start with its name and what is allowed."""
    assert _faults(environ) == [fault]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "acs.example"])
def test_an_open_address_is_refused(host: str) -> None:
    """Without authentication only loopback and Unix sockets are served (2.4)."""
    fault = _faults({"ACS_HOST": host})[0]
    assert fault == (
        f"ACS_HOST: `{host}` is not loopback and no authentication is configured: set ACS_AUTH_TOKENS_FILE, "
        "listen on 127.0.0.1 or a Unix socket, or set ACS_ALLOW_PUBLIC=true"
    )


@pytest.mark.parametrize(
    ("environ", "local"),
    [
        ({"ACS_HOST": "localhost"}, True),
        ({"ACS_HOST": "127.8.0.1"}, True),
        ({"ACS_HOST": "::1"}, True),
        ({"ACS_HOST": "0.0.0.0", "ACS_UDS": "/run/acs.sock"}, True),
        ({"ACS_HOST": "0.0.0.0", "ACS_ALLOW_PUBLIC": "true"}, False),
    ],
)
def test_what_counts_as_local(environ: dict[str, str], local: bool) -> None:
    """Loopback addresses and Unix sockets are local; the override does not make an address so."""
    assert load_settings(environ).settings.local is local


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[1]", "--config {}: must be a mapping of settings such as ACS_PORT"),
        ("a: [", "--config {}: not YAML or JSON: did not find expected node content"),
        ("port: 1", "port: unknown setting; run `acs-sidecar config` to list all settings"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, fault: str) -> None:
    """What cannot be read as settings says which file it was."""
    file = tmp_path / "acs.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings({}, file)
    assert str(caught.value) == fault.format(file)
