"""The console: a web page on loopback for people, in a process of its own (section 15)."""
