"""Documents of workspace policies: their members, their text, what they say (sections 10.1, 10.2)."""
