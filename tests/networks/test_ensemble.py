import pytest
import torch

from hamiltone.networks import Ensemble, Recognizer, build_front, build_network, load_recognizer, save_bundle
from hamiltone.settings import LogMelSettings, ResidualSettings

SMALL = ResidualSettings(channels=(8,), stem=8, attention=8)


def members(count: int = 3, classes: int = 5) -> list:
    torch.manual_seed(0)
    return [build_network(SMALL, (4, 400, 64), classes).eval() for _ in range(count)]


def test_its_probabilities_are_the_mean_of_its_members():
    parts = members()
    x = torch.randn(2, 4, 100, 64)
    expected = torch.stack([member(x).double().softmax(1) for member in parts]).mean(0)
    torch.testing.assert_close(Ensemble.of(parts).eval()(x).double().softmax(1), expected, atol=1e-6, rtol=1e-5)


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
