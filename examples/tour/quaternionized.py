# %% [markdown]
"""
# A CNN with a quarter of its weights

`quaternionize` gives a copy of any network whose convolutions and linear layers are quaternion-valued.
"""

# %%
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from hamiltone.quaternion import quaternionize

real = nn.Sequential(
    nn.Conv2d(4, 32, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(4),
    nn.Flatten(),
    nn.Linear(1024, 128),
    nn.ReLU(),
    nn.Linear(128, 10),
)

# %% [markdown]
# Ten scores are no quaternions: the last layer (called "9" in this network) stays real.

# %%
quaternion = quaternionize(real, keep=["9"])
for name, network in (("real", real), ("quaternion", quaternion)):
    print(name, sum(parameter.numel() for parameter in network.parameters()), "parameters")

# %% [markdown]
# It trains as any module does: here on noise, which both learn by heart.

# %%
torch.manual_seed(0)
x, y = torch.randn(64, 4, 16, 16), torch.randint(10, (64,))
optimizer = torch.optim.Adam(quaternion.parameters(), lr=3e-3)
for _ in range(60):
    optimizer.zero_grad()
    cross_entropy(quaternion(x), y).backward()
    optimizer.step()
print(f"loss {cross_entropy(quaternion(x), y):.3f} (chance: 2.303)")
