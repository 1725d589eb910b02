# %% [markdown]
"""
# Anti-transfer on a ResNet of your own

A network of yours learns emotion while a frozen one, which knows who speaks, keeps it from listening to the voice.
Both are plain PyTorch; the voices are the embedded synthetic corpus (extra `synthetic`).
"""

# %%
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from hamiltone.antitransfer import AntiTransferLoss
from hamiltone.audio import FRAME_SAMPLES, load_audio
from hamiltone.corpora import load_corpus
from hamiltone.speech import Spectrogram


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """The map, of the same size."""
        return torch.relu(x + self.second(self.first(x)))


def resnet(classes: int) -> nn.Module:
    """Three blocks behind a stem."""
    stem = [nn.Conv2d(1, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [Block(16), nn.MaxPool2d(2), Block(16), nn.MaxPool2d(2), Block(16)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten(), nn.Linear(64, classes))


# %% [markdown]
# Spectrograms of every other clip, each cell the mean of four by four, so that all of it takes less than a minute.

# %%
table = load_corpus("synthetic").table.iloc[::2]
sound = torch.zeros(len(table), FRAME_SAMPLES)
for row, path in enumerate(table["path"]):
    waveform = torch.from_numpy(load_audio(path)[:FRAME_SAMPLES])
    sound[row, : len(waveform)] = waveform
spectrograms = avg_pool2d(Spectrogram(scale="decibel", normalisation="none")(sound), 4)
emotions = torch.from_numpy(table["emotion"].astype("category").cat.codes.to_numpy("int64"))
speakers = torch.from_numpy(table["speaker"].astype("category").cat.codes.to_numpy("int64"))

# %% [markdown]
# The training loop of anybody. `loss.attach` puts hooks on the network's convolutions, and `loss()` is the term of its
# last forward.


# %%
def fit(network: nn.Module, targets: Tensor, loss: AntiTransferLoss | None = None, epochs: int = 12) -> float:
    """Train, and say how often the last epoch was right."""
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    right = 0
    for _ in range(epochs):
        right = 0
        for rows in torch.randperm(len(targets)).split(20):
            scores = network(spectrograms[rows])
            total = cross_entropy(scores, targets[rows])
            if loss is not None:
                total = total + loss()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            right += int((scores.argmax(1) == targets[rows]).sum())
    return right / len(targets)


torch.manual_seed(0)
orthogonal = resnet(classes=int(speakers.max()) + 1)
print(f"who speaks: right {fit(orthogonal, speakers):.0%} of the time in the last epoch")

network = resnet(classes=int(emotions.max()) + 1)
loss = AntiTransferLoss(orthogonal, layers=[5], aggregation="pooled", distance="debiased_linear_cka")
loss.attach(network)
print(f"emotion, with anti-transfer: right {fit(network, emotions, loss):.0%} of the time in the last epoch")
with torch.no_grad():
    network(spectrograms[:64])
    print(f"how alike both tell clips apart at layer 5 (debiased CKA): {loss():.2f}")
