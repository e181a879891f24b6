"""Training curves as inline SVG that follows the page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trainer.recommender.loop import REFIT

# matplotlib writes fixed colours; these stand for the page's own, which differ in light and dark.
INK, MUTED, LINE, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206", "#010207"
PAGE_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
}
WIDTH_IN, HEIGHT_IN, PANELS_IN_A_ROW = 11.0, 3.0, 3
FROM_LOG_SCALE = 20  # highest over lowest value, above which a linear axis hides the low end

Row = dict[str, Any]


def recommender_curves(rows: Sequence[Row]) -> Markup:
    """Draw each stage's loss and, where the split left validation cases, HR and NDCG.

    Args:
        rows: a recommender's metrics.jsonl: stage, epoch, loss (not before the first epoch), and
            hr@10 and ndcg@10 where there are validation cases.
    """
    stages = list(dict.fromkeys(row["stage"] for row in rows if REFIT not in row["stage"]))
    trained = [stage for stage in stages if any(_losses(rows, stage))]
    metrics = [name for name in ("hr@10", "ndcg@10") if any(name in row for row in rows)]
    panels = _panels(len(trained) + bool(metrics))
    for stage, panel in zip(trained, panels.axes, strict=False):
        _style(panel, f"Loss, {stage} stage", "mean training loss (nats)")
        again = _losses(rows, stage + REFIT)
        _plot(panel, _losses(rows, stage), "first, validated" if again else "loss", FIRST)
        if again:
            _plot(panel, again, "again, on validation purchases too", SECOND)
            _legend(panel)
    if metrics:
        _validation(panels.axes[-1], rows, stages, metrics)
    return _svg(panels, "losses", "Training loss of each stage and validation metrics, by epoch")


def _losses(rows: Sequence[Row], stage: str) -> list[tuple[int, float]]:
    return [(row["epoch"], row["loss"]) for row in rows if row["stage"] == stage and "loss" in row]


def _validation(panel: Axes, rows: Sequence[Row], stages: list[str], metrics: list[str]) -> None:
    """Draw the metrics over all stages, one after the other; the best NDCG is what is kept."""
    _style(panel, "Validation, full ranking", "HR, NDCG (0 to 1)", "epoch, stages in a row")
    started = 0
    for number, stage in enumerate(stages):
        mine = [row for row in rows if row["stage"] == stage]
        if started:
            panel.axvline(started, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        for name, colour in zip(metrics, (FIRST, SECOND), strict=False):
            points = [(started + row["epoch"], row[name]) for row in mine if name in row]
            _plot(panel, points, name.upper() if number == 0 else "", colour)
        note = panel.annotate(
            stage,
            (started, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, -3 - 11 * (number % 2)),  # a stage without epochs begins where the next does
            textcoords="offset points",
            va="top",
            color=MUTED,
            fontsize=8.5,
        )
        note.set_in_layout(False)
        started += max(row["epoch"] for row in mine)
    panel.set_xlim(-0.5, max(started, 1) * 1.15)
    panel.set_ylim(0, 1.25 * max(row[name] for row in rows for name in metrics if name in row) or 1)
    _legend(panel)


def generator_curves(rows: Sequence[Row], loss: str) -> Markup:
    """Draw both losses, the validation distance beside real against real, and diversity.

    Args:
        rows: a generator's metrics.jsonl: epoch, d_loss, g_loss, validation, real_against_real,
            and diversity by category, empty where real pictures do not differ.
        loss: "bce" or "hinge".
    """
    diverse = bool(rows[-1]["diversity"])
    panels = _panels(2 + diverse)
    losses, distance = panels.axes[:2]
    _style(losses, "Losses", "mean loss (nats)" if loss == "bce" else "mean hinge loss")
    _plot(losses, [(row["epoch"], row["d_loss"]) for row in rows], "discriminator", FIRST)
    _plot(losses, [(row["epoch"], row["g_loss"]) for row in rows], "generator", SECOND)
    losses.set_ylim(bottom=min(0, *(row["g_loss"] for row in rows)))  # hinge goes below 0
    _legend(losses)
    _style(distance, "Distance from real pictures", "Fréchet distance of features")
    values = [row["validation"] for row in rows]
    _plot(distance, [(row["epoch"], row["validation"]) for row in rows], "generated", FIRST)
    floor = rows[-1]["real_against_real"]
    if floor is not None:
        values.append(floor)
        distance.axhline(
            floor, color=SECOND, linewidth=1.4, linestyle=(0, (5, 3)), label="real against real"
        )
    if min(values) > 0 and max(values) > FROM_LOG_SCALE * min(values):
        distance.set_yscale("log")
        distance.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        distance.set_ylim(bottom=min(0, *values))
    _legend(distance)
    if diverse:
        _diversity(panels.axes[2], rows)
    return _svg(
        panels, "training", "Losses of both networks, distance from real pictures and diversity"
    )


def _diversity(panel: Axes, rows: Sequence[Row]) -> None:
    """Draw the mean over categories and the least diverse one, beside real pictures' 1."""
    _style(panel, "Diversity beside real pictures", "mean difference, drawn / real")
    ratios = [(row["epoch"], list(row["diversity"].values())) for row in rows]
    _plot(panel, [(epoch, sum(each) / len(each)) for epoch, each in ratios], "mean", FIRST)
    _plot(panel, [(epoch, min(each)) for epoch, each in ratios], "least of any category", SECOND)
    panel.axhline(1, color=MUTED, linewidth=1.0, linestyle=(0, (5, 3)))
    panel.set_ylim(bottom=0)
    _legend(panel)


def _panels(count: int) -> Figure:
    """Make a figure of its own: pyplot's list of open figures is never touched."""
    columns = min(max(count, 2), PANELS_IN_A_ROW)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN * rows), layout="constrained")
    for place in range(count):
        figure.add_subplot(rows, columns, place + 1)
    figure.patch.set_visible(False)
    return figure


def _style(panel: Axes, title: str, unit: str, epochs: str = "epoch") -> None:
    panel.patch.set_visible(False)
    panel.set_title(title, loc="left", color=INK, fontsize=10.5, fontweight="bold")
    panel.set_xlabel(epochs, color=MUTED)
    panel.set_ylabel(unit, color=MUTED)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["bottom", "left"]].set_color(LINE)
    panel.tick_params(which="both", colors=MUTED, labelsize=9, color=LINE)
    panel.grid(axis="y", color=LINE, linewidth=0.7)
    panel.set_axisbelow(True)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def _plot(panel: Axes, points: Sequence[tuple[float, float]], label: str, colour: str) -> None:
    epochs, values = [epoch for epoch, _ in points], [value for _, value in points]
    marker = "o" if len(epochs) <= 30 else ""
    panel.plot(
        epochs, values, color=colour, linewidth=1.8, marker=marker, markersize=4, label=label
    )
    if len(epochs) == 1:
        panel.set_xlim(epochs[0] - 1, epochs[0] + 1)
        panel.set_ylim(bottom=min(0, *panel.get_ylim()))


def _legend(panel: Axes) -> None:
    panel.legend(frameon=False, labelcolor=INK, fontsize=9)


def _svg(figure: Figure, name: str, description: str) -> Markup:
    """Write the figure for embedding: page colours, page font, ids of its own, no links."""
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(stream, format="svg")
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
    text = re.sub(r"(\bid=\"|url\(#|href=\"#)", rf"\1{name}-", text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--font)", text)
    for fixed, page in PAGE_COLOURS.items():
        text = text.replace(fixed, page)
    label = f'<svg class="curves" role="img" aria-label="{Markup.escape(description)}"'
    return Markup(text.replace("<svg", label, 1))
