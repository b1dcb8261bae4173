"""AutoGen (section 12.8): `GovernedWorkbench(workbench, session)` and `GovernedModel(client, session)`.

A blocked call gives the model one error result, and the run goes on: an agent of this framework waits for
ever for a call that raises. A block at a model point or at `output` raises, and ends the run.
"""

from acs_client.integrations.autogen.model import GovernedModel
from acs_client.integrations.autogen.workbench import GovernedWorkbench

__all__ = ["GovernedModel", "GovernedWorkbench"]
