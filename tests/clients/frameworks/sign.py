"""Signs the approval on stdin, in a process of its own: frameworks run in other environments."""

import json
import sys

from tests.clients.python.governed import signed

if __name__ == "__main__":
    sys.stdout.write(signed(json.load(sys.stdin)))
