"""`python -m docs.generate`: write every generated page of the reference."""

from docs.generate.pages import REFERENCE, pages

for name, text in pages().items():
    (REFERENCE / name).write_text(text)
