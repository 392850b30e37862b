"""What pages explain with beside charts: a sync walked through step by step, and a guess before the answer.

Both are whole without scripts: every step is written out, and the answer is behind a summary that opens.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

from capmodel.charts import LABELS, VERMILION
from capmodel.steps import Step, refresh_step, sync_steps

#: Left edges of the three parties, and the width of a drawing, in its own units; a phone shows it at its full size.
LANES = {"agent": 34.0, "server": 158.0, "datastore": 282.0}
WIDTH = 360.0
#: Statements drawn in one row of squares, and the pitch of the squares.
COLUMNS, PITCH = 6, 8.0
#: Ends of the scale of a guess; labels need the room beside it.
SCALE = (22, 338)
#: More statements than that in a step would be no drawing.
MOST_DRAWN = 60

HEAD = '<link rel="stylesheet" href="_static/explain.css"><script src="_static/explain.js" defer></script>'


def whole(value: float) -> str:
    """Write a count of statements."""
    return f"{value:,.0f} statement{'' if value == 1 else 's'}"


def _squares(count: float, top: float, number: int) -> str:
    """Draw a square for each statement, beside the datastore's line."""
    drawn = []
    for k in range(int(count)):
        left = LANES["datastore"] + 14 + PITCH * (k % COLUMNS)
        drawn.append(f'<rect x="{left:g}" y="{top + PITCH * (k // COLUMNS):g}" width="6" height="6"/>')
    return f'<g data-step="{number}" fill="{VERMILION}">{"".join(drawn)}</g>' if drawn else ""


def _arrow(step: Step, y: float, number: int) -> str:
    """Draw one message from line to line, or a loop for what a server does by itself."""
    start, end = LANES[step.asks], LANES[step.asked]
    words = html.escape(step.short)
    if step.asks == step.asked:
        line = f'<path d="M{start:g} {y - 7:g}h20v12h-14"/><path d="M{start + 9:g} {y + 1:g}l-5 4l5 4"/>'
        text = f'<text x="{start + 26:g}" y="{y + 3:g}">{words}</text>'
    else:
        tip = 6 if end > start else -6
        line = f'<path d="M{start:g} {y:g}H{end:g}M{end - tip:g} {y - 4:g}L{end:g} {y:g}L{end - tip:g} {y + 4:g}"/>'
        text = f'<text x="{(start + end) / 2:g}" y="{y - 6:g}" text-anchor="middle">{words}</text>'
    both = step.asked == "datastore" and step.asks == "server"
    # An answer from the datastore goes without saying: the line has a tip at both ends.
    back = f'<path d="M{start + 6:g} {y - 4:g}L{start:g} {y:g}L{start + 6:g} {y + 4:g}"/>' if both else ""
    return f'<g data-step="{number}">{line}{back}{text}</g>'


def drawing(steps: Sequence[Step], description: str) -> str:
    """Draw agent, server and datastore as lines, and each step between them.

    Parameters
    ----------
    steps : sequence of Step
        In order, from the top down; each statement is a square.
    description : str
        What the drawing shows, for those who cannot see it.

    Returns
    -------
    str
        SVG.

    Raises
    ------
    ValueError
        If a step has more statements than can be drawn.
    """
    y, parts = 34.0, []
    for number, step in enumerate(steps, start=1):
        if step.statements > MOST_DRAWN:
            raise ValueError(f"steps: got {step.statements:g} statements in a step, expected at most {MOST_DRAWN}")
        rows = math.ceil(step.statements / COLUMNS)
        parts.append(_arrow(step, y + 12, number) + _squares(step.statements, y + 9, number))
        y += max(32.0, PITCH * rows + 18)
    lanes = "".join(
        f'<text x="{x:g}" y="12" text-anchor="middle" class="walk-lane">{name}</text>'
        f'<path d="M{x:g} 20V{y:g}" class="walk-line"/>'
        for name, x in LANES.items()
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {y + 4:g}" role="img" aria-label="{html.escape(description)}" fill="none" '
        f'stroke="currentColor" stroke-width="1.5">{lanes}{"".join(parts)}</svg>'
    )


def walk(name: str, modes: Sequence[str], *, entries_per_agent: int, entries: int) -> str:
    """Write a sync of each mode step by step.

    Parameters
    ----------
    name : str
        Name of the figure, and of its state in a link.
    modes : sequence of str
        Sync modes, the one that readers see first in front.
    entries_per_agent, entries : int
        Entries of the agent, and of the whole deployment.

    Returns
    -------
    str
        HTML: a drawing and a list for each mode. The page's script shows one mode at a time and adds the steps to it.
    """
    parts = []
    for mode in modes:
        steps = sync_steps(mode, entries_per_agent)
        total = sum(step.statements for step in steps)
        label = LABELS[mode]
        words = f"{label[:1].upper()}{label[1:]}: {whole(total)} for a sync of {entries_per_agent} entries"
        items = "".join(
            f"<li><strong>{step.asks}"
            + (f" to {step.asked}" if step.asked != step.asks else "")
            + f":</strong> {html.escape(step.says)}"
            + (f" <em>{whole(step.statements)}.</em>" if step.statements else "")
            + "</li>"
            for step in steps
        )
        meanwhile = refresh_step(mode, entries)
        after = (
            f'<p class="walk-after">{meanwhile.says} <em>{whole(meanwhile.statements)}.</em></p>' if meanwhile else ""
        )
        parts.append(
            f'<section data-mode="{mode}" data-label="{html.escape(label)}" data-statements="'
            + " ".join(f"{step.statements:g}" for step in steps)
            + f'"><p class="walk-title">{words}</p><div class="walk-pair">'
            + drawing(steps, words + ". " + " ".join(step.says for step in steps))
            + f"<ol>{items}</ol></div>{after}</section>"
        )
    return f'<div class="walk" data-walk="{name}">{"".join(parts)}</div>'


def guess(
    name: str,
    question: str,
    answer: str,
    *,
    truth: tuple[float, float, float],
    ends: tuple[float, float],
    unit: str = "times",
    written: Callable[[float], str] = lambda value: f"{value:,.0f}",
) -> str:
    """Ask for a number before its answer is shown.

    Parameters
    ----------
    name : str
        Name of the guess in a link.
    question : str
        What is asked; HTML.
    answer : str
        What is shown then; HTML.
    truth : tuple of float
        The answer's estimate, lower and upper end.
    ends : tuple of float
        Least and largest guess, both above 0; the scale between them is logarithmic.
    unit : str
        Said after a guess.
    written : callable
        Writes a number of the scale.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ValueError
        If the ends do not hold the answer.
    """
    low, high = ends
    if not 0 < low <= truth[1] <= truth[0] <= truth[2] <= high:
        raise ValueError(f"ends: got {low:g} to {high:g}, expected some that hold {truth[1]:g} to {truth[2]:g}")

    def x(value: float) -> float:
        return SCALE[0] + (SCALE[1] - SCALE[0]) * math.log(value / low) / math.log(high / low)

    ticks = [10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    words = f"The answer, {written(truth[0])} {unit}, on a logarithmic scale from {written(low)} to {written(high)}"
    scale = (
        f'<svg class="guess-scale" viewBox="0 0 360 50" role="img" aria-label="{html.escape(words)}">'
        f'<path d="M{SCALE[0]} 26H{SCALE[1]}" class="guess-axis"/>'
        f'<rect x="{x(truth[1]):.1f}" y="18" width="{max(x(truth[2]) - x(truth[1]), 2):.1f}" height="16" '
        f'class="guess-range"/>'
        f'<path d="M{x(truth[0]):.1f} 14V38" class="guess-truth"/>'
        + "".join(f'<text x="{x(tick):.1f}" y="49" text-anchor="middle">{written(tick)}</text>' for tick in ticks)
        + '<path class="guess-mark" d=""/></svg>'
    )
    return (
        f'<div class="guess" data-guess="{name}" data-truth="{truth[0]:.6g}" data-lower="{truth[1]:.6g}" '
        f'data-upper="{truth[2]:.6g}" data-unit="{html.escape(unit)}">'
        f'<form hidden novalidate><label for="guess-{name}"><strong>Guess before you look.</strong> {question}</label>'
        f'<div class="guess-row"><input type="range" min="0" max="100" value="50" step="1" autocomplete="off" '
        f'aria-label="Your guess, slider">'
        f'<input type="number" id="guess-{name}" min="{low:g}" max="{high:g}" step="any" '
        f'inputmode="decimal" autocomplete="off" aria-describedby="guess-{name}-error"><span>{html.escape(unit)}</span>'
        f'<button type="submit">Show the answer</button></div>'
        f'<p class="guess-error" id="guess-{name}-error"></p></form>'
        f"<details><summary><strong>Guess before you look.</strong> {question}</summary>"
        f'<p class="guess-said" role="status"></p>{scale}<p>{answer}</p></details></div>'
    )
