"""The registry of agents, for the commands that compare a log with it (section 8.8)."""

from pathlib import Path

from acs_sidecar.assurance.registry import AgentRegistry, RegistryError, parse_registry
from acs_sidecar.cli.output import fail
from acs_sidecar.cli.verification import content_of
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.text import parse_document

__all__ = ["registry_in"]

_MAX_BYTES = 1024 * 1024


def registry_in(path: Path) -> AgentRegistry:
    """Read a registry, YAML or JSON, or end the command."""
    try:
        return parse_registry(parse_document(content_of(path, _MAX_BYTES).decode()).value)
    except OSError as error:
        fail(f"--registry {path}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"--registry {path}: not UTF-8")
    except (DocumentError, RegistryError) as error:
        fail(f"--registry {path}: {error}")
