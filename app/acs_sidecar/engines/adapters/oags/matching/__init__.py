"""Allow lists that match exactly and block lists that match widely: hosts, paths, names (section 9.3)."""
