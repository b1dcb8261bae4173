"""Reading the audit log: records, proofs, receipts and raw bytes (contract 4.5)."""
