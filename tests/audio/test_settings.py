"""The settings of augmentation."""

import pytest

from hamiltone.audio import AugmentationSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift_seconds": 4.5}, "shift_seconds must be from 0 to 4"),
        ({"time_masks": -1}, "time_masks must be from 0 to 100"),
        ({"time_mask_width": 502}, "time_mask_width must be from 0 to 501"),
        ({"frequency_mask_width": 129}, "frequency_mask_width must be from 0 to 128"),
        ({"speed": (0.4, 1.0)}, "speed takes the least and the most, in this order, both from 0.5 to 2"),
        ({"speed": (1.1, 0.9)}, "speed takes the least and the most, in this order"),
        ({"gain_db": (6.0, -6.0)}, "gain_db takes the least and the most, in this order"),
        ({"snr_db": (0.0, 1e6)}, "snr_db takes the least and the most"),
        ({"snr_db": (0.0, 9.0), "noise": ()}, "noise names no kind"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AugmentationSettings(**changes)


def test_it_says_what_it_changes() -> None:
    choice = AugmentationSettings(
        shift_seconds=0.25,
        speed=(0.9, 1.1),
        gain_db=(-6.0, 6.0),
        snr_db=(10.0, 30.0),
        time_masks=2,
        frequency_masks=1,
    )
    assert str(choice) == (
        "time shift up to 0.25 s, speed 0.9 to 1.1, gain -6 to 6 dB, white or pink noise at an SNR of 10 to 30 dB, "
        "time masks (2, up to 50 columns), frequency masks (1, up to 16 bins)"
    )
    assert choice.changes
    assert not AugmentationSettings().changes
