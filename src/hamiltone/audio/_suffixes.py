"""The suffixes of sound files."""

_WRITTEN = "3gp aac aif aifc aiff amr caf flac m4a mka mkv mp2 mp3 mp4 oga ogg opus wav wave weba webm wma"

AUDIO_SUFFIXES = frozenset(f".{name}" for name in _WRITTEN.split())
"""By which the sound files of a folder are known, in lower case; a file that is named is known by its content."""
