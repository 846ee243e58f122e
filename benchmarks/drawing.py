"""A line chart with logarithmic axes as SVG, readable on light and dark pages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 170, 40, 50
FONT = 'font-family="sans-serif" font-size="12" fill="#777"'
COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2")


@dataclass(frozen=True, slots=True)
class Line:
    """A name, and its points (size, ratio) in order."""

    name: str
    points: list[tuple[float, float]]


def chart(title: str, across: str, lines: list[Line]) -> str:
    """The picture of some lines; an empty one where there are none."""
    xs = [x for line in lines for x, _ in line.points] or [1.0]
    ys = [y for line in lines for _, y in line.points if y > 0] or [1.0]
    x_axis = _Axis(_down(min(xs)), _up(max(xs)), LEFT, WIDTH - RIGHT)
    y_axis = _Axis(_down(min(*ys, 1.0)), _up(max(ys)), HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f'<text x="{LEFT}" y="22" font-size="14">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(across)}</text>',
    ]
    parts += [
        f'<text x="{x_axis.at(x):.1f}" y="{HEIGHT - 32}" text-anchor="middle">{x:,.0f}</text>' for x in x_axis.ticks()
    ]
    for y in y_axis.ticks():
        place = y_axis.at(y)
        parts.append(f'<path d="M{LEFT} {place:.1f}H{WIDTH - RIGHT}" stroke="#777" stroke-opacity=".3"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{place + 4:.1f}" text-anchor="end">{y:g}</text>')
    names = _apart([y_axis.at(max(line.points[-1][1], 1e-9)) for line in lines])
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = [(x_axis.at(x), y_axis.at(y)) for x, y in line.points if y > 0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        x, y = points[-1][0], names[number]
        label = f"{line.name} {line.points[-1][1]:.3g}"
        parts.append(f'<text x="{x + 10:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        span = math.log10(self.high / self.low) or 1.0
        return self.start + (self.end - self.start) * math.log10(value / self.low) / span

    def ticks(self) -> list[float]:
        first, last = round(math.log10(self.low)), round(math.log10(self.high))
        return [10.0**power for power in range(first, last + 1)]


def _down(value: float) -> float:
    return float(10.0 ** math.floor(math.log10(value)))


def _up(value: float) -> float:
    return float(10.0 ** math.ceil(math.log10(value)))


def _apart(places: list[float], least: float = 14.0) -> list[float]:
    """The places, moved so that none lies nearer than `least` to another."""
    found = list(places)
    order = sorted(range(len(found)), key=found.__getitem__)
    for before, after in pairwise(order):
        found[after] = max(found[after], found[before] + least)
    return found
