"""The measures, in the order in which they are taken, each adding its figures to the report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bench import gateway, growth, reference
from bench.answers import STREAM_CHUNKS
from bench.driving import SETTLE_SECONDS, percentile
from bench.gateway import Gateway, Installation
from bench.load import Turns
from bench.machine import resident_bytes
from bench.plan import STREAMS, Plan
from bench.report import Budget, Figure, Report
from bench.stage import Stage, alike, calls, direct, messages

PLAIN = "CPU per plain request"
STREAM = "CPU per 64-chunk stream"
CHUNK = f"CPU per chunk, {STREAMS:,} paced streams"
TRANSLATED = "CPU per plain request, translated (Anthropic to OpenAI)"
NGINX = ", nginx proxy_pass"
YARDSTICK = ", yardstick"
IN_YARDSTICKS = {
    PLAIN: "plain request, in yardsticks",
    STREAM: "64-chunk stream, in yardsticks",
    TRANSLATED: "translated request, in yardsticks",
    CHUNK: "paced chunk, in yardsticks",
}
# What the budgets' own prototype, the yardstick, cost on the machine where the budgets were set, in microseconds; a
# translated request stands beside its plain one.
SET_BESIDE = {PLAIN: 135, STREAM: 151, TRANSLATED: 135, CHUNK: 34}
# And how long it held an event back, in milliseconds, by the percentile.
LAGS_SET_BESIDE = {50: 3, 99: 50}
REFERENCE = "CPU per round of the reference loop"
BUDGETS = {
    PLAIN: Budget(250, 150),
    STREAM: Budget(350, 200),
    TRANSLATED: Budget(450, 300),
    CHUNK: Budget(50, 35),
}
LATENCIES = {50: Budget(0.8, 0.4), 99: Budget(2, 1)}
LAGS = {50: Budget(5, 2), 99: Budget(80, 40)}


def everything(stage: Stage, plan: Plan, tell: Callable[[str], None]) -> Report:
    """The whole table."""
    report = Report()
    installation, key = installed(stage)
    tell("starting it")
    gateway.start_seconds(installation, key)  # the first start makes the store, and is not counted
    starts = [gateway.start_seconds(installation, key) for _ in range(plan.more_starts)]
    with gateway.running(installation, (key,)) as running:
        gateway.check(running)
        starts.append(running.start_seconds)
        report.figures.append(Figure("start to first answer (second start)", "s", starts, Budget(2, 1)))
        time.sleep(SETTLE_SECONDS)
        idle_bytes = resident_bytes(running.pid)
        report.figures.append(Figure("memory when idle", "MB", [idle_bytes / 1e6], Budget(120, 90)))
        # First, because later memory that another measure left behind would hide what streams take.
        tell(f"{STREAMS:,} paced streams")
        paced(report, stage, running, plan)
        tell("CPU per request and per stream")
        costs(report, stage, running, plan)
        tell("latency at one connection")
        latency(report, stage, running, plan)
    tell(f"{plan.growth_keys:,} keys")
    growth.measure(report, stage, installation, plan)
    return report


def installed(stage: Stage) -> tuple[Installation, str]:
    """A fresh installation with one key."""
    installation = gateway.install(stage.folder / "tollbar", stage.cores, stage.fast_port, stage.paced_port)
    return installation, gateway.make_key(installation, "bench")


def costs(report: Report, stage: Stage, running: Gateway, plan: Plan) -> None:
    """CPU per request; the yardstick and nginx take turns with Tollbar, so that all see the same weather."""
    kinds = {PLAIN: ("plain", calls), STREAM: ("stream", calls), TRANSLATED: ("plain", messages)}
    values: dict[str, list[float]] = {}
    for model, load in kinds.values():
        stage.driver.drive(load(running, model, plan.warm_seconds))
    for _ in range(plan.runs):
        values.setdefault(REFERENCE, []).append(reference.run(stage.cores.measured))
        for name, (model, load) in kinds.items():
            sides = {
                name: (running.pid, load(running, model, plan.turn_seconds)),
                name + YARDSTICK: (stage.yardstick.process.pid, alike(stage, model, plan.turn_seconds)),
            }
            if stage.proxy is not None and load is calls:
                proxied = direct(stage.proxy.port, model, plan.turn_seconds / 2)
                sides[name + NGINX] = stage.proxy.process.pid, proxied
            for side, spent in zip(sides, stage.driver.compare(list(sides.values()), plan.turns), strict=True):
                values.setdefault(side, []).append(spent.microseconds)
    for beside in ("", YARDSTICK, NGINX):
        for name in (name for name in kinds if name + beside in values):
            budget = None if beside else BUDGETS[name]
            report.figures.append(Figure(name + beside, "µs", values[name + beside], budget))
    report.figures.append(Figure(REFERENCE, "µs", values[REFERENCE]))
    report.figures += [in_yardsticks(name, values[name], values[name + YARDSTICK]) for name in kinds]
    if stage.proxy is not None:
        ratios = [report.median(name) / report.median(name + NGINX) for name in (PLAIN, STREAM)]
        report.notes.append(f"A plain request costs {ratios[0]:.1f} times what nginx takes, a stream {ratios[1]:.1f}.")


def in_yardsticks(name: str, ours: Sequence[float], its: Sequence[float]) -> Figure:
    """A cost as a multiple of the yardstick's in the same run, against the budget as it was set beside one."""
    return multiple(IN_YARDSTICKS[name], ours, its, scaled(BUDGETS[name], SET_BESIDE[name]))


def scaled(budget: Budget, beside: float) -> Budget:
    """A budget as a multiple of what the prototype took when it was set."""
    return Budget(budget.must / beside, budget.aim / beside)


def multiple(name: str, ours: Sequence[float], its: Sequence[float], budget: Budget) -> Figure:
    """One series as multiples of the other, run by run."""
    return Figure(name, "", [mine / other for mine, other in zip(ours, its, strict=True)], budget)


def latency(report: Report, stage: Stage, running: Gateway, plan: Plan) -> None:
    """What the way through Tollbar adds, at one connection where nothing waits for anything else.

    Nobody measured the prototype so. Where nothing waits, an answer's time is work, and the machine's slowness at work
    is known: what it needs today for a plain request of the yardstick, over what the budgets' machine needed.
    """
    slowness = report.median(PLAIN + YARDSTICK) / SET_BESIDE[PLAIN]
    added: dict[int, list[float]] = {percent: [] for percent in LATENCIES}
    by_yardstick: dict[int, list[float]] = {percent: [] for percent in LATENCIES}
    for _ in range(plan.runs):
        loads = [
            direct(stage.fast_port, "plain", plan.turn_seconds / 2, 1),
            alike(stage, "plain", plan.turn_seconds, 1),
            calls(running, "plain", plan.turn_seconds, 1),
        ]
        near, its, far = (one.answer_microseconds for one in stage.driver.alternate(Turns(loads, plan.turns)))
        for percent in LATENCIES:
            without = percentile(near, percent)
            added[percent].append((percentile(far, percent) - without) / 1e3)
            by_yardstick[percent].append((percentile(its, percent) - without) / 1e3)
    for percent, budget in LATENCIES.items():
        name = f"added latency at one connection, p{percent}"
        report.figures.append(Figure(name, "ms", added[percent], budget))
        report.figures.append(Figure(name + YARDSTICK, "ms", by_yardstick[percent]))
        at_their_speed = [value / slowness for value in added[percent]]
        report.figures.append(
            Figure(f"the same at the speed of the budgets' machine, p{percent}", "ms", at_their_speed, budget)
        )


def paced(report: Report, stage: Stage, running: Gateway, plan: Plan) -> None:
    """A thousand streams at once, each with an event every 20 to 50 ms."""
    load = replace(calls(running, "paced", 0.0, STREAMS), rounds=1, ramp_seconds=1.0)
    before_bytes = resident_bytes(running.pid)
    per_chunk: list[float] = []
    per_stream: list[float] = []
    by_yardstick: list[float] = []
    lags: dict[int, list[float]] = {percent: [] for percent in LAGS}
    its_lags: dict[int, list[float]] = {percent: [] for percent in LAGS}
    for _ in range(plan.paced_rounds):
        spent = stage.driver.cpu(running.pid, load)
        result = spent.result
        if result.answered != STREAMS or len(result.lag_microseconds) != STREAMS * STREAM_CHUNKS:
            raise RuntimeError(f"{result.answered} streams and {len(result.lag_microseconds)} events came through")
        per_chunk.append(spent.cpu_seconds / len(result.lag_microseconds) * 1e6)
        per_stream.append((stage.driver.most_resident_bytes - before_bytes) / STREAMS / 1e3)
        beside = replace(alike(stage, "paced", 0.0), connections=STREAMS, rounds=1, ramp_seconds=1.0)
        its = stage.driver.cpu(stage.yardstick.process.pid, beside)
        by_yardstick.append(its.cpu_seconds / len(its.result.lag_microseconds) * 1e6)
        for percent in LAGS:
            lags[percent].append(percentile(result.lag_microseconds, percent) / 1e3)
            its_lags[percent].append(percentile(its.result.lag_microseconds, percent) / 1e3)
    report.figures.append(Figure(CHUNK, "µs", per_chunk, BUDGETS[CHUNK]))
    report.figures.append(Figure(CHUNK + YARDSTICK, "µs", by_yardstick))
    report.figures.append(in_yardsticks(CHUNK, per_chunk, by_yardstick))
    for percent, budget in LAGS.items():
        report.figures.append(Figure(f"lag per chunk, p{percent}", "ms", lags[percent], budget))
        report.figures.append(Figure(f"lag per chunk, p{percent}{YARDSTICK}", "ms", its_lags[percent]))
        limit = scaled(budget, LAGS_SET_BESIDE[percent])
        report.figures.append(multiple(f"lag p{percent}, in yardsticks", lags[percent], its_lags[percent], limit))
    # For the same reason the first round is the one that tells.
    report.figures.append(Figure("memory per open stream", "KB", per_stream[:1], Budget(30, 15)))
    if plan.paced_rounds > 1:
        load = replace(direct(stage.paced_port, "paced", 0.0, STREAMS), rounds=1, ramp_seconds=1.0)
        near = stage.driver.drive(load).lag_microseconds
        told = [f"{percentile(near, percent) / 1e3:.2g} ms (p{percent})" for percent in LAGS]
        report.notes.append(f"Without Tollbar the lag is {' and '.join(told)}.")
