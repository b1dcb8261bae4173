"""What is remarked upon Rego policies that are valid."""
