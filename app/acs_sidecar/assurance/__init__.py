"""Evidence for whoever trusts neither the service nor its host, from logs and manifests."""
