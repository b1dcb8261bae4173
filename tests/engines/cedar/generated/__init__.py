"""Generated Cedar policies, schemas and requests, decided here and by the engine alone."""
