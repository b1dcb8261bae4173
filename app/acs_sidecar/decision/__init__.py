"""The decision service: one request in, one recorded verdict out."""
