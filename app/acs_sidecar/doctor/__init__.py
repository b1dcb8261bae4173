"""What is wrong with an installation, check by check; nothing here changes anything."""
