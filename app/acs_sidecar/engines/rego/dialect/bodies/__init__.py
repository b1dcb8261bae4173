"""The bodies of rules, read off the AST."""
