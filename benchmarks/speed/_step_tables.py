"""Tables b, c and d: the anti-transfer loss, whole training steps, and growth; time and memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ._memory import step_memory
from ._results import Row, Table, Target
from ._steps import SPECTROGRAM, Algebra, AntiTransfer, StepCase, Steps
from ._timing import interleaved, timed

Report = Callable[[str], None]
_MIB = 2**20


@dataclass(frozen=True)
class Sizes:
    """How large everything is.

    Attributes:
        width: of the networks.
        batch: examples of a step.
        embedding: input of networks behind an RH-Emo.
        repeats: rounds of timing.
        layers: at which anti-transfer is measured.
        growth: the values of each axis of table d; length in columns of the embedding, 64 are 4 s.
    """

    width: float
    batch: int
    embedding: tuple[int, int, int]
    repeats: int
    layers: tuple[int, ...]
    growth: Mapping[str, tuple[int | float, ...]]


FULL = Sizes(
    width=1.0,
    batch=20,
    embedding=(4, 64, 64),
    repeats=7,
    layers=(2, 5, 9, 13),
    growth={
        "clips": (40, 80, 160, 320),
        "length": (64, 128, 256),
        "width": (0.25, 0.5, 1.0),
        "batch": (5, 10, 20, 40),
    },
)
QUICK = Sizes(
    width=0.0625,
    batch=2,
    embedding=(4, 64, 64),
    repeats=1,
    layers=(2,),
    growth={"clips": (2, 4), "length": (32, 64), "width": (0.0625,), "batch": (1, 2)},
)


def anti_transfer_tables(sizes: Sizes, threads: int, report: Report) -> list[Table]:
    """Table b: a training step with the anti-transfer loss over one without, at some layers."""
    algebras: tuple[Algebra, ...] = ("real", "quaternion")
    return [_anti_transfer_table(algebra, sizes, threads, report) for algebra in algebras]


def _anti_transfer_table(algebra: Algebra, sizes: Sizes, threads: int, report: Report) -> Table:
    ways: tuple[AntiTransfer, ...] = ("naive", "live", "stored")
    none = StepCase(algebra, shape=sizes.embedding, batch=sizes.batch, width=sizes.width)
    cases = {(way, layer): replace(none, anti_transfer=way, layer=layer) for layer in sizes.layers for way in ways}
    report(f"b: {algebra}, time")
    steps = Steps()
    time, memory = {}, {}
    for layer in sizes.layers:  # layer by layer, so that what is compared stands close together
        chosen = {"none": none} | {way: cases[way, layer] for way in ways}
        seconds = interleaved({name: timed(steps.step(case)) for name, case in chosen.items()}, sizes.repeats)
        time.update({(way, layer): seconds[way] / seconds["none"] for way in ways})
    del steps
    report(f"b: {algebra}, memory")
    least = step_memory(none, threads)
    for key, case in cases.items():
        memory[key] = step_memory(case, threads) / least
    columns = [f"{way}: {what}" for what in ("time", "memory") for way in ways]
    rows = [
        Row(f"layer {layer}", [values[way, layer] for values in (time, memory) for way in ways])
        for layer in sizes.layers
    ]
    worst = {
        what: max(v[way, layer] for layer in sizes.layers)
        for what, v, way in (
            ("stored targets: time", time, "stored"),
            ("stored targets: memory", memory, "stored"),
            ("live frozen network: time", time, "live"),
        )
    }
    bounds = (1.05, 1.08, 1.25)
    targets = [
        Target(f"{algebra}, anti-transfer at any layer, {what} over none", value, bound, "at most")
        for (what, value), bound in zip(worst.items(), bounds, strict=True)
    ]
    title = f"A training step with anti-transfer over one without, {algebra} VGG16 on the embedding"
    return Table(f"b {algebra}", title, columns, rows, targets)


def step_table(sizes: Sizes, threads: int, report: Report) -> Table:
    """Table c: whole training steps."""
    layer = sizes.layers[len(sizes.layers) // 2]
    full = StepCase("real", shape=SPECTROGRAM, batch=sizes.batch, width=sizes.width)
    real = replace(full, shape=sizes.embedding)
    plain = replace(real, algebra="quaternion", form="plain", channels_last=False)
    ours = replace(real, algebra="quaternion")
    bases = {
        "real, full size": full,
        "real, on the embedding": real,
        "quaternion, plain": plain,
        "quaternion, ours contiguous": replace(ours, channels_last=False),
        "quaternion, ours": ours,
    }
    cases: dict[str, StepCase] = {}
    for name, case in bases.items():
        cases[name] = case
        cases[f"{name}, AT stored"] = replace(case, anti_transfer="stored", layer=layer)
    encoded = "quaternion, ours, AT stored, RH-Emo live"
    cases[encoded] = replace(ours, anti_transfer="stored", layer=layer, encoder=True)
    report("c: time")
    steps = Steps()
    seconds = interleaved({name: timed(steps.step(case)) for name, case in cases.items()}, sizes.repeats // 2 + 1)
    del steps
    report("c: memory")
    memory = {name: step_memory(case, threads) for name, case in cases.items()}
    first = "real, full size"
    columns = ["ms", "MiB", "time over real at full size", "memory over real at full size"]
    rows = [
        Row(
            name,
            [1e3 * seconds[name], memory[name] / _MIB, seconds[name] / seconds[first], memory[name] / memory[first]],
        )
        for name in cases
    ]
    targets = [
        Target("quaternion step, ours over the plain form: time", _over(seconds), 0.50, "at most"),
        Target("quaternion step, ours over the plain form: memory", _over(memory), 0.60, "at most"),
        Target(
            "quaternion + RH-Emo + AT over real at full size: time", seconds[encoded] / seconds[first], 0.025, "at most"
        ),
        Target(
            "quaternion + RH-Emo + AT over real at full size: memory", memory[encoded] / memory[first], 0.12, "at most"
        ),
    ]
    title = f"A training step of VGG16 (forward, backward, Adam), batch {sizes.batch}; AT at layer {layer}"
    return Table("c", title, columns, rows, targets)


def _over(values: Mapping[str, int | float]) -> float:
    return values["quaternion, ours"] / values["quaternion, plain"]


def growth_tables(sizes: Sizes, threads: int, report: Report) -> list[Table]:
    """Table d: time and memory of the quaternion network with stored anti-transfer as one size grows."""
    return [_growth_table(axis, values, sizes, threads, report) for axis, values in sizes.growth.items()]


def _growth_table(axis: str, values: Sequence[int | float], sizes: Sizes, threads: int, report: Report) -> Table:
    layer = sizes.layers[len(sizes.layers) // 2]
    base = StepCase(
        "quaternion",
        shape=sizes.embedding,
        batch=sizes.batch,
        width=sizes.width,
        anti_transfer="stored",
        layer=layer,
    )
    changed = {value: _changed(base, axis, value) for value in values}
    report(f"d: {axis}, time")
    steps = Steps()
    calls = {str(value): timed(steps.step(case)) for value, case in changed.items()}
    seconds = interleaved(calls, sizes.repeats // 2 + 1)
    del steps, calls
    report(f"d: {axis}, memory")
    memory = {str(value): step_memory(case, threads) for value, case in changed.items()}
    first = str(values[0])
    rows = [
        Row(
            f"{axis} {value:g}",
            [
                1e3 * seconds[str(value)],
                memory[str(value)] / _MIB,
                value / values[0],
                seconds[str(value)] / seconds[first],
                memory[str(value)] / memory[first],
            ],
        )
        for value in values
    ]
    columns = ["ms", "MiB", f"{axis} over the first", "time over the first", "memory over the first"]
    what = "an epoch" if axis == "clips" else "a training step"
    return Table(
        f"d {axis}", f"Growth with {axis}: {what}, quaternion VGG16, stored AT at layer {layer}", columns, rows
    )


def _changed(case: StepCase, axis: str, value: int | float) -> StepCase:
    if axis == "length":
        channel, _, frequency = case.shape
        return replace(case, shape=(channel, int(value), frequency))
    return replace(case, width=float(value)) if axis == "width" else replace(case, **{axis: int(value)})
