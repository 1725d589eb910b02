import pytest
import torch

from hamiltone.networks import Ensemble, Recognizer, build_front, build_network, load_recognizer, save_bundle
from hamiltone.settings import EnsembleSettings, LogMelSettings, ResidualSettings, SpectrogramSettings, VGGSettings

SMALL = ResidualSettings(channels=(8,), stem=8, attention=8)


def members(count: int = 3, classes: int = 5) -> list:
    torch.manual_seed(0)
    return [build_network(SMALL, (4, 400, 64), classes).eval() for _ in range(count)]


def test_its_probabilities_are_the_mean_of_its_members():
    parts = members()
    x = torch.randn(2, 4, 100, 64)
    expected = torch.stack([member(x).double().softmax(1) for member in parts]).mean(0)
    torch.testing.assert_close(Ensemble.of(parts).eval()(x).double().softmax(1), expected, atol=1e-6, rtol=1e-5)


def test_networks_become_one_without_another_being_made(monkeypatch):
    parts = members()
    monkeypatch.setattr("hamiltone.networks._ensemble.build_network", lambda *_: pytest.fail("one is made"))
    before = torch.get_rng_state()
    together = Ensemble.of(parts, [[0, 3], [1]], copies=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert together.networks == parts
    assert Ensemble.copied(Ensemble.restricted(parts[0], [0, 2]), 3).networks == parts[:1]


def test_grouped_classes_add_up_and_others_are_left_out():
    parts = members()
    x = torch.randn(2, 4, 100, 64)
    mean = torch.stack([member(x).softmax(1) for member in parts]).mean(0)
    expected = torch.stack([mean[:, 0] + mean[:, 3], mean[:, 1]], 1)
    grouped = Ensemble.of(parts, [[0, 3], [1]]).eval()
    assert grouped.classes == 2
    torch.testing.assert_close(grouped(x).softmax(1), expected / expected.sum(1, keepdim=True))


def test_it_is_saved_and_loaded_as_it_is(tmp_path):
    ensemble = Ensemble.of(members(classes=6), [[0, 3], [1]])
    recognizer = Recognizer(build_front(LogMelSettings()), ensemble, ["a", "b"]).eval()
    save_bundle(recognizer, tmp_path / "model")
    x = torch.randn(2, 64000) * 0.1
    assert torch.equal(load_recognizer(tmp_path / "model").eval()(x), recognizer(x))


@pytest.mark.parametrize("groups", [[[0], []], [[0, 1], [1]]])
def test_groups_that_do_not_go_are_refused(groups):
    with pytest.raises(ValueError, match="one for each of 2 classes is needed"):
        Ensemble.of(members(), groups)


def test_groups_of_classes_that_no_member_has_are_refused():
    with pytest.raises(ValueError, match="the members tell 5 classes apart"):
        Ensemble.of(members(), [[0], [5]])


def test_members_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="take the same input"):
        Ensemble.of([*members(1), *members(1, classes=4)])


@pytest.mark.parametrize("groups", [[[0, 1], [2], [3]], None, "no ensemble"])
def test_a_restricted_recogniser_renormalises_the_probabilities_of_its_classes(groups) -> None:
    torch.manual_seed(0)
    front = build_front(LogMelSettings())
    (network,) = members(1, 3) if groups == "no ensemble" else [Ensemble.of(members(2, 4 if groups else 3), groups)]
    whole = Recognizer(front, network, ("a", "b", "c"), temperature=2.0).eval()
    chosen = whole.restricted(["c", "a"]).eval()
    x = torch.randn(3, 64000) * 0.1
    kept = whole.probabilities(whole(x))[:, [2, 0]]
    torch.testing.assert_close(chosen.probabilities(chosen(x)), kept / kept.sum(1, keepdim=True))
    assert chosen.labels == ("c", "a")
    for labels, told in ((["a"], "two classes"), (["a", "a"], "once"), (["a", "x"], "'x' is no class")):
        with pytest.raises(ValueError, match=told):
            whole.restricted(labels)


SPEEDS = (0.9, 1.0, 1.1)


def at_one_speed(whole: Recognizer, speed: float) -> Recognizer:
    front = build_front(LogMelSettings(speeds=(speed,)))
    return Recognizer(front, whole.network, whole.labels, temperature=whole.temperature).eval()


@pytest.mark.parametrize("groups", [[[0, 1], [2], [3]], None, "no ensemble"])
def test_at_several_speeds_its_probabilities_are_the_mean_over_them(groups, tmp_path) -> None:
    torch.manual_seed(0)
    (network,) = members(1, 3) if groups == "no ensemble" else [Ensemble.of(members(2, 4 if groups else 3), groups)]
    whole = Recognizer(build_front(LogMelSettings()), network, ("a", "b", "c"), unsure_below=0.4).eval()
    at_speeds = whole.at_speeds(SPEEDS)
    assert (at_speeds.front.shape, at_speeds.unsure_below) == ((12, 400, 64), 0.4)
    x = torch.randn(3, 64000) * 0.1
    each = [at_one_speed(whole, speed) for speed in SPEEDS]
    mean = torch.stack([one.probabilities(one(x)) for one in each]).mean(0)
    torch.testing.assert_close(at_speeds.probabilities(at_speeds(x)), mean, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(whole.probabilities(whole(x)), mean, atol=1e-4)
    save_bundle(at_speeds, tmp_path / "model")
    assert torch.equal(load_recognizer(tmp_path / "model").eval()(x), at_speeds(x))
    kept = mean[:, [2, 0]]
    chosen = at_speeds.restricted(["c", "a"])
    torch.testing.assert_close(chosen.eval().probabilities(chosen(x)), kept / kept.sum(1, keepdim=True))
    again = at_speeds.at_speeds([1.0])
    torch.testing.assert_close(again(x).softmax(1), whole(x).softmax(1))
    torch.testing.assert_close(at_speeds.front.in_place(x), whole.front.in_place(x))


def test_at_several_speeds_it_is_adapted_to_all_of_them():
    torch.manual_seed(0)
    whole = Recognizer(build_front(LogMelSettings()), *members(1, 3), labels=("a", "b", "c")).eval()
    heard = [torch.randn(4, 64000) * 0.1]
    x = torch.randn(2, 64000) * 0.1
    at_speeds = whole.at_speeds(SPEEDS)
    apart = torch.cat([one.front(heard[0]) for one in (at_one_speed(whole, speed) for speed in SPEEDS)])
    network = whole.network.adapted([apart], copies=len(SPEEDS))
    each = [Recognizer(at_one_speed(whole, speed).front, network, whole.labels).eval() for speed in SPEEDS]
    mean = torch.stack([one.probabilities(one(x)) for one in each]).mean(0)
    adapted = at_speeds.adapted(heard)
    torch.testing.assert_close(adapted.probabilities(adapted(x)), mean, atol=1e-5, rtol=1e-4)


def test_fronts_and_speeds_that_do_not_go_are_refused():
    front = build_front(SpectrogramSettings())
    config = VGGSettings(depth=11, algebra="real", width=1 / 32)
    network = build_network(config, front.shape, 2)
    with pytest.raises(ValueError, match="kind spectrogram hears recordings at their own speed alone"):
        Recognizer(front, network, ("a", "b")).at_speeds([0.9, 1.0])
    whole = Recognizer(build_front(LogMelSettings()), *members(1, 2), labels=("a", "b"))
    with pytest.raises(ValueError, match=r"speed 2: takes 0\.5 to 1\.25"):
        whole.at_speeds([2.0])
    with pytest.raises(ValueError, match="4 channels are not 3 copies"):
        Ensemble(EnsembleSettings(members=(SMALL,), copies=3), (4, 400, 64), 2)
