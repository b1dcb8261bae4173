"""The files of a connection to NATS (section 4.2)."""

import asyncio
import os
from pathlib import Path

import pytest

from acs_sidecar.audit.ship.nats import NatsError, NatsSettings, jetstream


async def _connect(settings: NatsSettings) -> None:
    async with jetstream(settings):
        pass


@pytest.mark.parametrize("named", ["creds", "ca"])
def test_a_file_that_is_none_is_named(named: str, tmp_path: Path) -> None:
    """Before anything is asked of a server; a pipe is not waited for, which would hold up everything else."""
    path = tmp_path / "file"
    settings = NatsSettings(["nats://127.0.0.1:1"], **{f"{named}_file": path})
    setting = f"ACS_AUDIT_NATS_{named.upper()}_FILE"
    with pytest.raises(NatsError, match=f"^{setting} cannot be read: No such file or directory$"):
        asyncio.run(_connect(settings))
    os.mkfifo(path)
    with pytest.raises(NatsError, match=f"^{setting} cannot be read: is a pipe: name a file$"):
        asyncio.run(_connect(settings))


def test_authorities_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    """The message names the setting."""
    pytest.importorskip("nats")
    (tmp_path / "ca.pem").write_text("none")
    settings = NatsSettings(["nats://127.0.0.1:1"], ca_file=tmp_path / "ca.pem")
    with pytest.raises(NatsError, match=r"^ACS_AUDIT_NATS_CA_FILE holds no PEM certificates$"):
        asyncio.run(_connect(settings))
