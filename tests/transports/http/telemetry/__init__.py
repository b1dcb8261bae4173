"""What a service tells about its requests, over HTTP."""
