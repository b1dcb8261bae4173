"""The audit log as pure functions: records, the Merkle tree, signed checkpoints, the auditor (section 4)."""
