"""Which policies a request is put to, and what their answer means (section 1.7.1)."""
