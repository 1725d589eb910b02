"""The model card that lies beside saved weights."""

import json
from collections.abc import Mapping
from typing import Any

_TASKS = {
    "emotion": "speech emotion recognition",
    "speaker": "speaker recognition, as an orthogonal task for anti-transfer learning",
    "word": "word recognition, as an orthogonal task for anti-transfer learning",
    "rh-emo": "RH-Emo, quaternion embeddings of speech",
}
CARD_HEADER = {
    "library_name": "hamiltone",
    "pipeline_tag": "audio-classification",
    "license": "other",
    "license_name": "that-of-the-recordings",
}
"""What the Hugging Face Hub asks of a card's header."""

_USES = {
    "recogniser": ("hamiltone predict recording.wav --model FOLDER", "class scores"),
    "rh-emo": (
        "hamiltone train SETTINGS.toml front.kind=rh-emo front.source=RUN  # the folder that holds this one",
        "embedding, reconstruction and, with heads, scores",
    ),
}
"""Of each kind of bundle: a command that takes it, and what it makes of waveforms."""

_TEMPLATE = """---
{header}
tags:
{tags}
---

# {title}

{what}

## What it is

| | |
|---|---|
{facts}

## Results

{results}

## Use

    {command}

```python
from hamiltone.networks import load_bundle

model = load_bundle("FOLDER")  # waveforms (batch, 64000) at 16 kHz -> {gives}
```

## What it is for, and what not

It is for the study of speech emotion recognition: to compare with, to teach, to build on, to try the method. It is not
for decisions about people: how a voice sounds is not what a person feels, so do not use it to judge, select, grade or
watch anybody, nor to find out lies or illness.

## Limits

The model guesses from the sound of its corpora's speakers. It was not tested on other languages, rooms, microphones or
spontaneous speech unless the results above say so. The licence of the recordings that it was trained on holds for the
weights learned from them, too: {licences}.
"""


def model_card(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The text of a model card.

    Args:
        config: the bundle's settings.
        facts: ``task``, ``title``, ``corpus``, ``corpus_note``, ``split``, ``method``, ``heard`` (recordings of each
            corpus that it and what it rests on were trained or selected on), ``licences`` (of each corpus),
            ``results`` (lines), ``calibration``, ``notes`` (lines) and ``command``; absent ones are said to be unknown.
    """
    task = facts.get("task", "rh-emo" if config["kind"] == "rh-emo" else "")
    rows = {
        "labels": ", ".join(config["labels"]) or "none",
        "trained on": _joined(facts.get("corpus"), facts.get("corpus_note")),
        "split": facts.get("split") or "unknown",
        "heard": ", ".join(f"{count} of {name}" for name, count in facts.get("heard", {}).items()) or "unknown",
        "anti-transfer": facts.get("method") or "none",
        "network": json.dumps(config.get("network", config.get("rh_emo"))),
        "front": json.dumps(config.get("front", config.get("spectrogram"))),
        "made by": f"hamiltone {config['hamiltone']}" + (f", `{facts['command']}`" if facts.get("command") else ""),
    }
    command, gives = _USES[config["kind"]]
    return _TEMPLATE.format(
        command=command,
        gives=gives,
        header="\n".join(f"{name}: {value}" for name, value in CARD_HEADER.items()),
        tags="\n".join(f"- {tag}" for tag in ("audio-classification", "speech-emotion-recognition", "quaternion")),
        title=facts.get("title") or "A Hamiltone model",
        what=f"A model for {_TASKS.get(task, 'speech')}, made with Hamiltone.",
        facts="\n".join(f"| {name} | {value} |" for name, value in rows.items()),
        licences=", ".join(f"{name}: {text}" for name, text in facts.get("licences", {}).items()) or "unknown",
        results="\n".join(f"- {line}" for line in told_results(facts)) or "None were recorded.",
    )


def told_results(facts: Mapping[str, Any]) -> list[str]:
    """What a card tells of how good its model is: results, calibration, and notes on both, a line each."""
    calibration = [facts["calibration"]] if facts.get("calibration") else []
    return [*facts.get("results", ()), *calibration, *(f"note: {line}" for line in facts.get("notes", ()))]


def plain_result(accuracy: float, classes: int, heard: str) -> str:
    """How often a recogniser is right, in a sentence for everybody: the first of a card's results.

    Args:
        accuracy: 0 to 1, on recordings that it had not learned from.
        classes: how many it chooses among.
        heard: whose recordings these were, as "recordings of speakers whom it had never heard".
    """
    return (
        f"Of 100 {heard}, it was right about {100 * accuracy:.0f}; guessing among its {classes} classes "
        f"would be right about {100 / classes:.0f}."
    )


def _joined(corpus: str | None, note: str | None) -> str:
    return "unknown" if not corpus else f"{corpus} ({note})" if note else corpus
