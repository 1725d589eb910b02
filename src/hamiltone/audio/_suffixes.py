"""The suffixes of sound files, and what is said of files that look like sound and are left out."""

from collections.abc import Sequence
from pathlib import Path

_WRITTEN = (
    "3ga 3gp aac aif aifc aiff amr au awb caf flac m4a m4b mka mkv mp2 mp3 mp4 mpga oga ogg opus snd sph spx w64 wav "
    "wave weba webm wma"
)
_OTHER = "ac3 aa aax act ape avi dsf dss dts flv gsm mid mov mpc mpeg mpg pcm ra raw rf64 shn tta voc vox wmv wv"

AUDIO_SUFFIXES = frozenset(f".{name}" for name in _WRITTEN.split())
"""By which the sound files of a folder are known, in lower case; a file that is named is known by its content."""

OTHER_SUFFIXES = frozenset(f".{name}" for name in _OTHER.split())
"""Of what looks like sound, and is left out of a folder: films, and formats that are not read, or not without help."""

_NAMED = 5


def left_out(paths: Sequence[Path], folder: Path) -> str:
    """How many files in or below a folder look like sound and are left out, and which; "" where there is none."""
    if not paths:
        return ""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    names = ", ".join(path.relative_to(folder).as_posix() for path in paths[:_NAMED])
    looks, are = ("1 file looks", "is") if len(paths) == 1 else (f"{len(paths)} files look", "are")
    return f"{looks} like sound and {are} left out: {names}{more}"
