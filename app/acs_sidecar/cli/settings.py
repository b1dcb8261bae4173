"""Settings for commands: the environment, `--config`, and the options that override."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from acs_sidecar.cli.output import fail_start
from acs_sidecar.spec.values import Json

if TYPE_CHECKING:
    from acs_sidecar.settings.tree import Loaded

__all__ = ["settings_from"]


def settings_from(file: Path | None, **options: Json | Path) -> "Loaded":
    """Load the settings; options that are `None` were not given. Ends the command on a fault."""
    from acs_sidecar.settings.tree import SettingsError, load_settings  # noqa: PLC0415  # slow to load

    overrides = {name: value for name, value in options.items() if value is not None}
    try:
        return load_settings(os.environ, file, overrides)
    except SettingsError as error:
        fail_start(error)
