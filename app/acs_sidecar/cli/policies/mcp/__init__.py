"""Commands about tools of the Model Context Protocol."""
