"""Reading the audit log: records, proofs, receipts and raw bytes (section 4.5)."""
