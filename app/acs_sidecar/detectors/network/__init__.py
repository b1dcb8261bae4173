"""What the commands of network tools reach."""
