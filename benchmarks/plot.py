"""The rows as a picture: how large each figure is as a part of its number; left of the line is reached."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.table import Row

LEFT, WIDTH, HIGH, LINE = 430, 900, 30, 110
LONGEST = 3.0
"""Bars end at three times the number; what is longer says so by its figure."""


def picture(rows: Sequence[Row]) -> str:
    """An SVG that needs no colours: words beside each bar say whether the number was reached."""
    shown = [row for row in rows if row.limit]
    height = HIGH * (len(shown) + 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20">measured, as a part of the number; up to the line is reached</text>',
    ]
    for index, row in enumerate(shown):
        part, top = row.got / row.limit, HIGH * (index + 1)
        color = "#2f7d4f" if row.met else "#b5472f"
        length = max(2, min(part, LONGEST) * LINE)
        said = f"{part:.2f}: {'yes' if row.met else 'no'}"
        lines += [
            f'<text x="{LEFT - 8}" y="{top + 18}" text-anchor="end">{escape(f"{row.title}, {row.wanted}")}</text>',
            f'<rect x="{LEFT}" y="{top + 5}" width="{length:.0f}" height="18" fill="{color}"/>',
            f'<text x="{LEFT + length + 6:.0f}" y="{top + 18}">{said}</text>',
        ]
    mark = LEFT + LINE
    lines.append(f'<path d="M{mark} {HIGH} V{height - HIGH}" stroke="#000" stroke-dasharray="3 3"/>')
    return "\n".join([*lines, "</svg>\n"])
