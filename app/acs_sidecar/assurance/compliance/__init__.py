"""The compliance report: what a log and manifests prove of the controls of a framework (section 8.3)."""
