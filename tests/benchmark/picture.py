# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture: wall time over the number of tenants, both logarithmic, a line for each form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
from bars import exponent
from forms import FORMS
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from plan import COLD, Case
from series import Series

mpl.use("Agg")
# Source: Okabe and Ito, "Color Universal Design": people with any kind of colour vision tell these apart
_COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#000000", "#56B4E9", "#CC79A7")
_MARKERS = "osD^xvP"
# of the panel's height, between two labels
_LINE_HEIGHT = 0.05


def draw(series: Series, path: Path) -> None:
    """A panel for each latency, with cold caches. Beside each line stands the exponent that it grows with."""
    cold = [case for case in series.measured if case.cache == COLD]
    latencies = sorted({case.latency for case in cold})
    sizes = sorted({case.size for case in cold})
    figure, panels = pyplot.subplots(
        1, len(latencies), figsize=(5.5 * len(latencies) + 1, 6.5), sharey=True, squeeze=False, layout="constrained"
    )
    figure.suptitle(
        "A token, its validation and a page of incidents for each tenant, with cold caches", fontsize=14, wrap=True
    )
    for panel, latency in zip(panels[0], latencies, strict=True):
        _draw_lines(panel, series, latency)
        panel.set(xscale="log", yscale="log", xlabel="tenants", title=f"server {latency} ms away")
        panel.xaxis.set(major_locator=FixedLocator(sizes), minor_locator=NullLocator())
        panel.xaxis.set_major_formatter(FuncFormatter(_plain))
        panel.yaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter=FuncFormatter(_plain))
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.grid(visible=True, alpha=0.3)
        panel.margins(y=0.1)
    panels[0][0].set_ylabel("seconds, the whole process")
    for panel, latency in zip(panels[0], latencies, strict=True):
        _label_lines(panel, series, latency)
    handles = {text: line for panel in panels[0] for line, text in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=1 + len(latencies), frameon=False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _draw_lines(panel: Axes, series: Series, latency: int) -> None:
    for (letter, form), colour, marker in zip(FORMS.items(), _COLOURS, _MARKERS, strict=True):
        sizes = series.sizes(letter, latency)
        if sizes:
            seconds = [series.median(Case(letter, size, latency, COLD)) or math.nan for size in sizes]
            label = f"{letter}  {form.title}"
            panel.plot(sizes, seconds, marker=marker, markersize=6, linewidth=1.8, color=colour, label=label)


def _label_lines(panel: Axes, series: Series, latency: int) -> None:
    """Write each form's letter and exponent beside the end of its line: at the right margin, or above an early end."""
    colours = dict(zip(FORMS, _COLOURS, strict=True))
    bottom, top = panel.get_ylim()
    heights: dict[int, list[tuple[float, str]]] = {}
    for letter in FORMS:
        sizes = series.sizes(letter, latency)
        if sizes:
            seconds = series.median(Case(letter, sizes[-1], latency, COLD)) or math.nan
            height = math.log(seconds / bottom) / math.log(top / bottom)
            heights.setdefault(sizes[-1], []).append((height, letter))
    for size, ends in heights.items():
        ends.sort()
        left, right = panel.get_xlim()
        across = math.log(size / left) / math.log(right / left)
        if size == max(heights):
            place = {"x": 1.02, "va": "center"}
            apart = _apart([height for height, _letter in ends])
        else:
            place = {"x": across + 0.01, "va": "center", "ha": "right"}
            apart = _above([height for height, _letter in ends])
        for height, (_end, letter) in zip(apart, ends, strict=True):
            text = panel.text(y=height, s=_label(series, letter, latency), fontsize=12, **place)
            text.set(transform=panel.transAxes, color=colours[letter])
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})


def _label(series: Series, letter: str, latency: int) -> str:
    found = exponent(series, letter, latency) or exponent(series, letter, latency, smallest=0)
    return f"{letter}: N$^{{{found[0]:.2f}}}$" if found else letter


def _apart(heights: Iterable[float]) -> list[float]:
    """Move ascending heights up until none is too close to the one below, and all down again if need be."""
    apart: list[float] = []
    for height in heights:
        apart.append(max(height, apart[-1] + _LINE_HEIGHT) if apart else height)
    for index in reversed(range(len(apart))):
        ceiling = apart[index + 1] - _LINE_HEIGHT if index + 1 < len(apart) else 1.0
        apart[index] = min(apart[index], ceiling)
    return apart


def _above(ends: list[float]) -> list[float]:
    """Stack labels over the ends of lines, those of neighbouring ends over the highest of them."""
    heights: list[float] = []
    for index, end in enumerate(ends):
        neighbours = [other for other in ends[index:] if other - end < 2 * _LINE_HEIGHT]
        lowest = neighbours[-1] + 0.8 * _LINE_HEIGHT
        heights.append(max(lowest, heights[-1] + _LINE_HEIGHT) if heights else lowest)
    return heights


def _plain(value: float, _position: object) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"
