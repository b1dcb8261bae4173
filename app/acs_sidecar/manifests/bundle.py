"""The operator's manifests from one place: a `.tar.gz` on an HTTPS server; the last good one is kept."""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from acs_sidecar.audit.log.directory import replace_file, sync_directory
from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.manifests.archives import unpack_archive
from acs_sidecar.manifests.files import find_manifests
from acs_sidecar.manifests.sources import MAX_BYTES
from acs_sidecar.outbound.fetch import Fetcher
from acs_sidecar.outbound.fetch_outcome import FetchedContent, FetchError
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.pinned_url import RemoteReference, redacted_url
from acs_sidecar.spec.ports import SourceError, SourceFile

__all__ = ["ManifestBundle"]

_KEPT = "kept"
_CONTENT = "manifests"
_ETAG = "etag"
_TEMPORARY = ".new-"
_MAX_TOKEN = 8_192


class ManifestBundle:
    """Bundles of one URL, each unpacked once below `directory` under the SHA-256 of its bytes.

    `open` gives the newest, `keep` makes the one that was opened last the one to fall back to, which
    survives a restart. Bundles of other URLs, and of another pin, are not fallen back to.
    """

    def __init__(
        self,
        directory: Path,
        reference: RemoteReference,
        fetcher: Callable[[], Fetcher],
        token_file: Path | None = None,
    ) -> None:
        self._directory = directory / hashlib.sha256(reference.url.encode()).hexdigest()[:16]
        self._reference = reference
        self._fetcher = fetcher
        self._token_file = token_file
        self._opened: str | None = None
        self._offered: tuple[str, str | None] | None = None

    def open(self) -> Path:
        """Fetch and unpack the newest bundle and return its directory. Blocks.

        Raises `ManifestError` when there is none that can be used, and leaves what is kept as it is.
        """
        kept = self.kept_name()
        try:
            answer = asyncio.run(self._fetch(self._etag_of(kept)))
            self._opened = kept if answer.content is None else self._install(answer.content, answer.etag)
        except FetchError as error:
            raise _refused(error.fault, str(error)) from None
        except SourceError as error:
            raise _refused("bundle-refused", str(error)) from None
        except OSError as error:
            message = f"ACS_MANIFESTS_KEPT_DIR `{self._directory.parent}`: {error.strerror}"
            raise _refused("bundle-unwritable", message) from None
        return self._directory / str(self._opened) / _CONTENT

    def keep(self) -> None:
        """Store the bundle that was opened last and remove all others. Does nothing if none was opened.

        It serves already: what prevents that it is kept is logged.
        """
        if self._opened is None:
            return
        try:
            self._keep(self._opened)
        except OSError as error:
            structlog.stdlib.get_logger("acs.manifests").error("bundle_not_kept", detail=error.strerror)
        self._opened = None

    def _keep(self, name: str) -> None:
        link = self._directory / f"{_TEMPORARY}{_KEPT}"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        link.replace(self._directory / _KEPT)
        sync_directory(self._directory)
        for entry in self._directory.iterdir():
            if entry.name not in {_KEPT, name}:
                shutil.rmtree(entry, ignore_errors=True)

    def kept(self) -> Path | None:
        """Return the directory of the bundle that is kept, where one is."""
        name = self.kept_name()
        return self._directory / name / _CONTENT if name else None

    def kept_name(self) -> str | None:
        """Return the SHA-256 of the bundle that is kept."""
        try:
            name = (self._directory / _KEPT).readlink().name
        except OSError:
            return None
        pin = self._reference.pin
        if (pin and pin.sha256.hex() != name) or not (self._directory / name / _CONTENT).is_dir():
            return None
        return name

    async def offered(self) -> str:
        """Return the SHA-256 of the bundle that the server offers now, or an error. Changes nothing."""
        name, etag = self._offered or (None, None)
        if name is None:
            name = await asyncio.to_thread(self.kept_name)
            etag = await asyncio.to_thread(self._etag_of, name)
        try:
            answer = await self._fetch(etag)
        except (FetchError, SourceError) as error:
            return str(error)
        if answer.content is None:
            return str(name)
        offered = hashlib.sha256(answer.content).hexdigest()
        self._offered = offered, answer.etag
        return offered

    async def _fetch(self, etag: str | None) -> FetchedContent:
        token = await asyncio.to_thread(_token, self._token_file)
        async with self._fetcher() as fetcher:
            return await fetcher.fetch_changed(self._reference, MAX_BYTES, etag, token)

    def _etag_of(self, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            return (self._directory / name / _ETAG).read_text() or None
        except OSError:
            return None

    def _install(self, content: bytes, etag: str | None) -> str:
        """Unpack a bundle where it is used from, in one step; return its name."""
        name = hashlib.sha256(content).hexdigest()
        place = self._directory / name
        if not place.is_dir():
            files = unpack_archive(SourceFile(redacted_url(self._reference.url), content), MAX_BYTES)
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self._directory))
            try:
                _write(temporary / _CONTENT, files)
                if not find_manifests(temporary / _CONTENT):
                    raise SourceError(f"`{redacted_url(self._reference.url)}` holds no manifest")
                temporary.rename(place)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            sync_directory(self._directory)
        replace_file(place / _ETAG, (etag or "").encode(), sync=True)
        return name


def _write(root: Path, files: Iterable[SourceFile]) -> None:
    """Write files durably: a policy that is half there after a power failure could allow more."""
    root.mkdir()
    for file in files:
        path = root / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(file.content)
            stream.flush()
            os.fsync(stream.fileno())
    for folder, _, _ in os.walk(root):
        sync_directory(Path(folder))


def _token(path: Path | None) -> str | None:
    """Read the bearer token. Raises `SourceError`."""
    if path is None:
        return None
    try:
        text = read_at_most(path, _MAX_TOKEN + 1).decode("ascii").strip()
    except OSError as error:
        raise SourceError(f"ACS_MANIFESTS_URL_TOKEN_FILE cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > _MAX_TOKEN or not all("!" <= character <= "~" for character in text):
        raise SourceError("ACS_MANIFESTS_URL_TOKEN_FILE must hold a token: one line of visible ASCII")
    return text


def _refused(code: str, message: str) -> ManifestError:
    return ManifestError([Diagnostic(code, message)])
