"""Runs many commands of `acs-sidecar` in one process, each with its output in files: `python -m tests.cli.many_commands`.

Reads a JSON object of names and argument lists, and writes one of names and `[exit code, output, error output]`.
"""

import json
import logging
import os
import sys
import tempfile

from acs_sidecar.cli import cli


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Run one command as a process would that does nothing else."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        kept = os.dup(1), os.dup(2)
        os.dup2(output.fileno(), 1)
        os.dup2(errors.fileno(), 2)
        try:
            cli(arguments, prog_name="acs-sidecar")
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for handler in logging.getLogger().handlers:
                handler.flush()
            for number, descriptor in enumerate(kept, 1):
                os.dup2(descriptor, number)
                os.close(descriptor)
        output.seek(0)
        errors.seek(0)
        return code, output.read().decode(), errors.read().decode()


if __name__ == "__main__":
    json.dump({name: run(arguments) for name, arguments in json.load(sys.stdin).items()}, sys.stdout)
