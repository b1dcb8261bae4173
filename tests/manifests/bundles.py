"""Bundles of manifests, packed and served."""

import gzip
import io
import tarfile

from tests.https import Exchange, HttpsServer, sha256

__all__ = ["archive", "offer"]

Entry = tuple[str, bytes | tarfile.TarInfo]


def archive(*entries: Entry) -> bytes:
    """A `.tar.gz` of files, and of whatever else a `TarInfo` says."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name) if isinstance(content, bytes) else content
            info.name = name
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)


def offer(server: HttpsServer, content: bytes) -> str:
    """Serve a bundle with an ETag as a well-behaved server does; give its URL."""
    etag = f'"{sha256(content)[:16]}"'

    def answer(exchange: Exchange) -> None:
        if exchange.handler.headers.get("If-None-Match") == etag:
            exchange.send(304, ETag=etag)
        else:
            exchange.send(200, content, ETag=etag)

    server.answers["/agents.tar.gz"] = answer
    return server.url("/agents.tar.gz")
