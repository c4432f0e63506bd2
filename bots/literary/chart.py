"""A picture of what temperature does: how far apart samples are, and how rich their words."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from bots.literary.figures import mean_similarity, measure
from bots.literary.temperatures import spoken
from services import native


def points(samples: Mapping[float, Sequence[str]]) -> list[tuple[float, float, float]]:
    """For each temperature: the diversity between its samples, the mean share of distinct words."""
    return [
        (
            temperature,
            1 - mean_similarity(texts),
            sum(measure(text).distinct for text in texts) / len(texts),
        )
        for temperature, texts in sorted(samples.items())
    ]


def draw(samples: Mapping[float, Sequence[str]]) -> bytes:
    """A PNG of `points`."""
    with native.loading():  # half a second to import, and only /chart needs it
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    values = points(samples)
    temperatures = [value for value, _, _ in values]
    figure = Figure(figsize=(7, 6.3), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(temperatures, [item[1] for item in values], "o-", label="различие между ответами")
    axes.plot(temperatures, [item[2] for item in values], "s--", label="доля разных слов в ответе")
    axes.set_xticks(temperatures, [spoken(value) for value in temperatures])
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("температура")
    axes.set_title(f"Разнообразие: по {len(next(iter(samples.values())))} ответа на температуру")
    axes.grid(alpha=0.3)
    axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
