"""Ways round an adapter, tried on the real packages: each script prints what came of its own."""
