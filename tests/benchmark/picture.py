# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture: wall time over the number of tenants, both logarithmic, a line for each form."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from bars import exponent
from forms import FORMS
from matplotlib import pyplot
from series import COLD, Case, Series

mpl.use("Agg")


def draw(series: Series, path: Path) -> None:
    """A panel for each latency, with cold caches. Beside each line stands the exponent that it grows with."""
    cold = [case for case in series.measured if case.cache == COLD]
    latencies = sorted({case.latency for case in cold})
    figure, panels = pyplot.subplots(
        1, len(latencies), figsize=(6.5 * len(latencies), 5.5), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, latency in zip(panels[0], latencies, strict=True):
        for letter, form in FORMS.items():
            sizes = sorted(case.size for case in cold if (case.form, case.latency) == (letter, latency))
            if not sizes:
                continue
            seconds = [series.median(Case(letter, size, latency, COLD)) or 0 for size in sizes]
            (line,) = panel.plot(sizes, seconds, marker="o", markersize=4, label=f"{letter}  {form.title}")
            growth = exponent(series, letter, latency)
            if growth:
                panel.annotate(
                    f"{letter}: N^{growth[0]:.2f}",
                    (sizes[-1], seconds[-1]),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    color=line.get_color(),
                )
        panel.set(xscale="log", yscale="log", xlabel="tenants", title=f"server {latency} ms away")
        panel.grid(visible=True, which="both", alpha=0.25)
        # room for the exponents
        panel.set_xlim(right=2.5 * max(case.size for case in cold))
    panels[0][0].set_ylabel("seconds, whole process")
    panels[0][0].legend(fontsize="small")
    figure.savefig(path, dpi=130)
