"""The document `sekuire.yml`: its vocabularies, and the normal form that they are read into (section 9.2)."""
