"""A chart of recall against tokens, as SVG, by matplotlib."""

import io
from collections.abc import Mapping, Sequence

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot


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
    figure.tight_layout()
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return out.getvalue()
