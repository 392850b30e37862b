"""The drawings that the built site's pages hold."""

import html
import json
import re


def unpacked(packed):
    """Return what was written with its repeated parts apart, as the script of the page reads it."""
    made = []

    def expanded(part):
        if isinstance(part, list):
            return [expanded(one) for one in part]
        if not isinstance(part, dict):
            return part
        return made[part["$"]] if "$" in part else {name: expanded(one) for name, one in part.items()}

    for part in packed["parts"]:
        made.append(expanded(part))  # noqa: PERF401  (a part refers to those before it)
    return expanded(packed["whole"])


def drawings(page):
    """Return the title and the drawing of every chart of a built page."""
    text = page.read_text(encoding="utf-8")
    return [
        (html.unescape(title), unpacked(json.loads(spec)["vega"]))
        for title, spec in re.findall(
            r'<figure class="capchart[^>]*>.*?<strong>(.*?)</strong>.*?<script type="application/json">(.*?)</script>',
            text,
            re.S,
        )
    ]
