"""Charts of recall, against tokens and against seconds, as SVG, by matplotlib."""

import io
from collections.abc import Mapping, Sequence

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.figure import Figure


def draw(budgets: Sequence[int], curves: Mapping[str, Sequence[float]]) -> str:
    """An SVG document.

    Args:
        budgets: tokens, the horizontal axis, in powers of two.
        curves: name -> percent at each budget; the first one is drawn boldly.
    """
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for number, (name, percent) in enumerate(curves.items()):
        axes.plot(budgets, percent, marker="o", label=name, linewidth=1.2 if number else 2.6)
    axes.set_xscale("log", base=2)
    axes.set_xticks(budgets, [f"{budget:,}" for budget in budgets])
    axes.set_xlabel("tokens of the result, at most")
    axes.set_ylabel("questions whose answer was kept, %")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return _written(figure)


def draw_costs(points: Mapping[str, tuple[float, float]], default: str) -> str:
    """An SVG document.

    Args:
        points: name -> seconds and percent, in the order in which a line joins them.
        default: the name of the one that is drawn boldly.
    """
    figure, axes = pyplot.subplots(figsize=(8, 5))
    seconds, percent = zip(*points.values(), strict=True)
    axes.plot(seconds, percent, marker="o", linewidth=1.2)
    axes.plot(*points[default], marker="o", markersize=11, color="C3")
    for name, at in points.items():
        axes.annotate(name, at, textcoords="offset points", xytext=(4, -13), weight="bold" if name == default else None)
    axes.set_xscale("log")
    ticks = [at for at in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if min(seconds) / 2 < at < max(seconds) * 2]
    axes.set_xticks(ticks, [f"{at:g}" for at in ticks])
    axes.set_ylim(50, 100)
    axes.set_xlabel("seconds for ten pages of 60 KB, median")
    axes.set_ylabel("questions whose answer was kept, %")
    axes.grid(alpha=0.3)
    return _written(figure)


def _written(figure: Figure) -> str:
    figure.tight_layout()
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return out.getvalue()
