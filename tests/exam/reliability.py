"""The picture of the exam's forecasts: how often what was said came true, and how early it was said."""

from pathlib import Path
from typing import Any

from tests.exam.clairvoyant import wanted

INK, SOFT, GRID, FORECAST, WINDOW = "#24292f", "#6e7781", "#e6e8eb", "#0969da", "#bc6c25"
FONT, SMALL = 13, 11
WIDE_IN, HIGH_IN, DPI = 10.0, 4.9, 140


def draw(figures: dict[str, Any], file: Path) -> None:
    """Writes the picture. ModuleNotFoundError: says what to install."""
    wanted("matplotlib").use("Agg")
    pyplot = wanted("matplotlib.pyplot")
    style = {
        "font.size": FONT, "axes.edgecolor": SOFT, "text.color": INK, "axes.labelcolor": INK, "xtick.color": SOFT,
        "ytick.color": SOFT, "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with pyplot.rc_context(style):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(WIDE_IN, HIGH_IN), layout="constrained")
        reliability(left, figures)
        leads(right, figures)
        # No date and no version in the file: the same figures, the same bytes.
        figure.savefig(file, dpi=DPI, facecolor="white", metadata={"Software": None})
        pyplot.close(figure)


def reliability(axes: Any, figures: dict[str, Any]) -> None:
    """Said against happened by tenths, with 95 % intervals; a larger dot is more forecasts."""
    bins = figures["bins"]
    said, happened = [100 * each["said"] for each in bins], [100 * each["happened"] for each in bins]
    below = [max(0.0, each["happened"] - each["low"]) * 100 for each in bins]
    above = [max(0.0, each["high"] - each["happened"]) * 100 for each in bins]
    most = max(each["forecasts"] for each in bins)
    axes.plot((0, 100), (0, 100), color=SOFT, linewidth=1, linestyle=(0, (4, 4)))
    axes.errorbar(said, happened, yerr=(below, above), fmt="none", ecolor=FORECAST, alpha=0.45, linewidth=1.6)
    axes.scatter(said, happened, s=[40 + 260 * each["forecasts"] / most for each in bins], color=FORECAST, zorder=3)
    for x, each in zip(said, bins, strict=True):
        axes.annotate(
            str(each["forecasts"]), (x, 100 * max(each["high"], each["happened"])), (0, 5),
            textcoords="offset points", ha="center", va="bottom", fontsize=SMALL, color=SOFT,
        )  # fmt: skip
    score = figures["brier"]
    axes.set(xlim=(-4, 104), ylim=(-5, 108), xlabel="forecast: will miss its cutoff, %", ylabel="did miss it, %")
    axes.set_title(f"Brier {score['forecast']:.3f}, base rate {score['base_rate']:.3f}", fontsize=FONT, loc="left")
    axes.grid(color=GRID)
    axes.set_axisbelow(True)


def leads(axes: Any, figures: dict[str, Any]) -> None:
    """How early each rule warns, against how often it warns of what makes it."""
    warning = figures["warnings"]
    windows = [each for name, each in warning.items() if name.startswith("window")]
    points = [each for each in windows if each["lead_min_p50"] is not None]
    points.sort(key=lambda each: each["false_pct"])  # figures read from a file come by name
    axes.plot(
        [each["false_pct"] for each in points], [each["lead_min_p50"] for each in points],
        color=WINDOW, marker="o", linewidth=1.6,
    )  # fmt: skip
    mine, passed = warning["forecast"], warning["passed"]
    if points:
        label = points[len(points) // 2]
        axes.annotate(
            "open N minutes\nbefore the cutoff", (label["false_pct"], label["lead_min_p50"]), (10, -34),
            textcoords="offset points", color=WINDOW, fontsize=SMALL,
        )  # fmt: skip
    for each, words, colour in ((mine, "forecast", FORECAST), (passed, "cutoff has passed", SOFT)):
        if each["lead_min_p50"] is not None:
            at = (each["false_pct"], each["lead_min_p50"])
            axes.scatter(*at, s=110, color=colour, zorder=3)
            axes.annotate(
                f"{words}\n{each['hit_pct']:.0f} % of the misses", at, (11, -6), textcoords="offset points",
                color=colour, va="center", fontsize=SMALL,
            )  # fmt: skip
    top = max([each["lead_min_p50"] or 0 for each in (mine, *points)], default=0)
    axes.set(xlim=(-4, 104), ylim=(-7, max(10.0, 1.1 * top)), xlabel="false alarms, % of departures that made it")
    axes.set_ylabel("warning before the cutoff, min (median)")
    axes.set_title(f"{figures['departures']} departures, {figures['missed']} missed", fontsize=FONT, loc="left")
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
