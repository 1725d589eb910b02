"""What the README shows runs."""

import re
from pathlib import Path

import torch

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_two_parts_for_any_network() -> None:
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "loss" in block
    ]
    names: dict[str, object] = {}
    exec(example, names)
    assert isinstance(names["network"], torch.nn.Module)
    assert all(parameter.grad is not None for parameter in names["network"].parameters())


def test_every_path_and_verb_in_it_exists() -> None:
    text = README.read_text()
    for path in re.findall(r"configs/[\w./-]+\.toml", text) + re.findall(r"\]\(([\w./-]+)\)", text):
        assert (README.parent / path).exists(), path
    for folder in re.findall(r"^        (\w+)/ ", text, re.MULTILINE):
        assert (README.parent / "src" / "hamiltone" / folder / "__init__.py").is_file(), folder
