"""Commands that try and measure the local classifiers."""
