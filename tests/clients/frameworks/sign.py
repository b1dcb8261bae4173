"""Signs the approval on stdin with the outcome of the command line, for tests in other environments."""

import json
import sys

from acs_sidecar.spec.approval import ApprovalOutcome
from tests.clients.python.governed import signed

if __name__ == "__main__":
    outcome = ApprovalOutcome(sys.argv[1] if len(sys.argv) > 1 else "allow")
    sys.stdout.write(signed(json.load(sys.stdin), outcome))
