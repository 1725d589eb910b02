"""The two parts for any network work where torch and jaxtyping are all that is installed; the command says so."""

import subprocess
import sys

CODE = """
import sys
import torch, jaxtyping
# Of Hamiltone's own dependencies nothing else can be imported.
named = {"accelerate", "filelock", "huggingface_hub", "jinja2", "markupsafe", "matplotlib", "pandas", "platformdirs",
         "pooch", "psutil", "pydantic", "yaml", "requests", "rich", "safetensors", "sklearn", "scipy", "soundfile",
         "soxr", "threadpoolctl", "tomli_w", "typer", "urllib3"}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in named:
            raise ModuleNotFoundError(f"{name} is not installed here")

sys.meta_path.insert(0, Blocked())
from hamiltone.antitransfer import AntiTransferLoss
from hamiltone.quaternion import quaternionize

def network():
    return quaternionize(torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3)))

trained = network()
loss = AntiTransferLoss(network(), layers=[1]).attach(trained)
(trained(torch.randn(2, 4, 8, 8)).square().mean() + loss()).backward()
assert trained[0].weight.grad is not None
"""


def test_quaternion_and_anti_transfer_need_torch_and_jaxtyping_alone():
    subprocess.run([sys.executable, "-c", CODE], check=True)


COMMAND = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from hamiltone._command import main
main()
"""


def test_the_command_says_what_it_lacks():
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "hamiltone: typer is not installed; pip install hamiltone brings all that it needs\n"
