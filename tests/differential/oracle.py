"""OPA itself, as a shared library out of a wheel: the oracle of these tests, no part of the product."""

import ctypes
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from acs_sidecar.spec.values import Json

__all__ = ["FOLDER", "WHEEL", "Accepted", "Oracle", "OracleMissingError", "Rejected"]

WHEEL = "opa-golib-python-bindings==0.4.4"
FOLDER = Path(os.environ.get("OPA_ORACLE", Path(__file__).parents[2] / ".cache" / "opa"))
_LIBRARY = "opa_bindings/libopabridge.so"
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_char_p)


class OracleMissingError(Exception):
    """The wheel is not there; `make opa-oracle` downloads it."""


class Rejected(Exception):  # noqa: N818 - an answer of the oracle, no fault of these tests
    """OPA refuses a module, or fails to evaluate it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.is_evaluated = code == "eval_error"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The value of a document, or that it is undefined."""

    defined: bool
    value: Json = None


@cache
def _library() -> ctypes.CDLL:
    extracted = FOLDER / _LIBRARY
    if not extracted.exists():
        wheels = sorted(FOLDER.glob("opa_golib_python_bindings-*.whl"))
        if not wheels:
            raise OracleMissingError(f"no wheel of {WHEEL} in {FOLDER}: run `make opa-oracle`")
        with zipfile.ZipFile(wheels[-1]) as wheel:
            wheel.extract(_LIBRARY, FOLDER)
    library = ctypes.CDLL(str(extracted))
    handle, text = ctypes.c_uint64, ctypes.c_char_p
    library.OpaNew.restype = handle
    library.OpaDestroy.argtypes = [handle]
    library.OpaFreeString.argtypes = [ctypes.c_void_p]
    for name in ("OpaAddPolicy", "OpaAddData"):
        getattr(library, name).argtypes = [handle, text, text]
        getattr(library, name).restype = ctypes.c_void_p
    library.OpaRegisterBuiltin.argtypes = [handle, text, ctypes.c_int, _CALLBACK]
    library.OpaRegisterBuiltin.restype = ctypes.c_void_p
    library.OpaEvalQuery.argtypes = [handle, text, text, ctypes.c_int, ctypes.c_int]
    library.OpaEvalQuery.restype = ctypes.c_void_p
    return library


@cache
def _allocate() -> Callable[[int], int]:
    allocate = ctypes.CDLL(None).malloc
    allocate.restype, allocate.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    return allocate


class Oracle:
    """One policy in OPA, with functions of two texts in Python."""

    def __init__(
        self,
        modules: Mapping[str, str],
        data: Json = None,
        functions: Mapping[str, Callable[[str, str], bool]] | None = None,
    ) -> None:
        self._library = _library()
        self._functions = functions or {}
        self._callback = _CALLBACK(self._called)
        self._handle = self._library.OpaNew()
        try:
            for name in self._functions:
                self._call(self._library.OpaRegisterBuiltin, name.encode(), 2, self._callback)
            for name, text in modules.items():
                self._call(self._library.OpaAddPolicy, name.encode(), text.encode())
            if data:
                self._call(self._library.OpaAddData, b"", json.dumps(data, ensure_ascii=False).encode())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Free the policy."""
        self._library.OpaDestroy(self._handle)

    def document(self, path: str, given: Json) -> Accepted:
        """Return the document at `path` for an input. Raises `Rejected`."""
        rows = self.query(f"x := {path}", given)
        return Accepted(True, rows[0]["x"]) if rows else Accepted(False)

    def query(self, query: str, given: Json) -> list[dict[str, Json]]:
        """Return the bindings of each solution of a query. Raises `Rejected`."""
        text = json.dumps(given, ensure_ascii=False).encode()
        rows = self._call(self._library.OpaEvalQuery, query.encode(), text, 0, 0)
        return [row["bindings"] for row in rows or ()]

    def _called(self, _: int, name: bytes, arguments: bytes) -> int:
        """Answer OPA, which frees the text."""
        answer: dict[str, Json]
        try:
            answer = {"result": self._functions[name.decode()](*json.loads(arguments))}
        except Exception as error:  # noqa: BLE001 - none may reach the library, which shows it as an error
            answer = {"error": repr(error)}
        text = json.dumps(answer).encode() + b"\0"
        memory: int = _allocate()(len(text))
        ctypes.memmove(memory, text, len(text))
        return memory

    def _call(self, function: "ctypes._FuncPointer", *arguments: object) -> list[dict[str, dict[str, Json]]]:
        pointer = function(self._handle, *arguments)
        try:
            answer = json.loads(ctypes.string_at(pointer))
        finally:
            self._library.OpaFreeString(pointer)
        if error := answer.get("error"):
            raise Rejected(str(error.get("code")), str(error.get("message")))
        rows: list[dict[str, dict[str, Json]]] = answer.get("result")
        return rows
