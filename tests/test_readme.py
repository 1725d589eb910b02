"""What the README names is there; tests/test_documentation.py runs what it shows."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def test_every_path_and_verb_in_it_exists() -> None:
    text = README.read_text()
    for path in re.findall(r"configs/[\w./-]+\.toml", text) + re.findall(r"\]\(([\w./-]+)\)", text):
        assert (README.parent / path).exists(), path
    for folder in re.findall(r"^        (\w+)/ ", text, re.MULTILINE):
        assert (README.parent / "src" / "hamiltone" / folder / "__init__.py").is_file(), folder
