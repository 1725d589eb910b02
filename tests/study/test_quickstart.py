from pathlib import Path

from hamiltone.study._quickstart import _runs
from hamiltone.training import settings_from


def test_the_runs_are_valid_and_rest_on_earlier_ones(tmp_path: Path) -> None:
    """That they run is shown by ``make quickstart``; here, that each names only runs that come before it."""
    done: set[str] = set()
    for content in _runs(tmp_path):
        settings = settings_from(content, where="quickstart")
        named = [settings.front.source, settings.init_from]
        named += [settings.anti_transfer.orthogonal] if settings.anti_transfer else []
        assert {name for name in named if name} <= done
        done.add(settings.out)
    tasks = [content.get("task", "emotion") for content in _runs(tmp_path)]
    assert tasks == ["rh-emo", "rh-emo", "word", "speaker", *["emotion"] * 4]
