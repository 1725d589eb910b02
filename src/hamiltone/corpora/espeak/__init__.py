"""eSpeak NG in processes of its own: speech, and the pronunciation of words."""

from ._process import SPEAK, SPELL, ask_espeak

__all__ = ["SPEAK", "SPELL", "ask_espeak"]
