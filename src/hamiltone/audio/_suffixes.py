"""The suffixes of sound files."""

AUDIO_SUFFIXES = frozenset(
    {".aif", ".aifc", ".aiff", ".flac", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wave"}
)
"""By which the sound files of a folder are known, in lower case; a file that is named is known by its content."""
