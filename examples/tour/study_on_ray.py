# %% [markdown]
"""
# A study on Ray

The same graph of runs that `hamiltone study run` works through, sent to a cluster; `local` is one on this machine
(extras `ray` and `synthetic`).
"""

# %%
import sys
import tempfile
from pathlib import Path

from hamiltone.report import write_report
from hamiltone.study import ray_executor, read_study, run_study

STUDY = """
name = "tiny"
about = "anti-transfer on who speaks, against none"
methods = ["none", "S"]
layers = [1]
splits = [{ kind = "actor", fractions = [0.5, 0.25, 0.25] }]
probes = false

[corpora.synthetic]

[run]
threads = 1
device = "cpu"
front = { kind = "log-mel" }
network = { kind = "residual", channels = [8, 8, 16] }
training = { learning_rate = 3e-3, batch = 32, epochs = 1 }

[speaker]
corpus = { name = "synthetic" }

[networks.quaternion.run]
network = { algebra = "quaternion" }
"""


def main(address: str) -> None:
    """Run it at a cluster's address, and write its report."""
    folder = Path(tempfile.mkdtemp())
    (folder / "tiny.toml").write_text(STUDY, encoding="utf-8")
    out = folder / "runs"
    result = run_study(read_study(folder / "tiny.toml"), out, ray_executor(out, address))
    print(result)
    print(write_report(out))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "local")
