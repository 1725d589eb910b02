# %% [markdown]
"""
# Hear a recording, and plot what was heard

The packaged recogniser on a recording of yours (`python examples/tour/predicting.py talk.mp3`), or on a synthetic
voice.
"""

# %%
import sys
from pathlib import Path

from matplotlib.figure import Figure

from hamiltone.corpora import load_corpus
from hamiltone.service import Predictor

recording = sys.argv[1] if len(sys.argv) > 1 else load_corpus("synthetic").table["path"].iloc[0]
prediction = Predictor().predict(recording, hop=0.5)
print(prediction.label, {label: round(score, 2) for label, score in prediction.scores.items()})

# %% [markdown]
# A line for each emotion over the middle of each window:

# %%
figure = Figure(figsize=(7, 2.5), layout="constrained")
axes = figure.add_subplot()
for label in prediction.scores:
    times = [(window.start + window.end) / 2 for window in prediction.frames]
    axes.plot(times, [window.scores[label] for window in prediction.frames], marker="o", label=label)
axes.set(xlabel="seconds", ylabel="score", ylim=(0, 1))
axes.legend(frameon=False, ncols=4)
picture = Path("runs") / "predicting.png"
picture.parent.mkdir(exist_ok=True)
figure.savefig(picture)
print("drawn to", picture)
