"""Print the oldest versions that pyproject.toml allows, as constraints for pip.

``python scripts/lowest.py > lowest.txt && pip install -c lowest.txt '.[charts,prometheus]'`` installs what the bounds
promise to work with; a job of continuous integration runs the tests of the package on it.
"""

import re
import tomllib
from pathlib import Path

#: What the package itself needs; the book is built with the versions of requirements.lock alone.
EXTRAS = ("charts", "prometheus")


def lowest(project: dict) -> list[str]:
    """Return a line ``name==version`` for each dependency.

    Parameters
    ----------
    project : dict
        The table ``project`` of pyproject.toml.

    Returns
    -------
    list of str
        Sorted by name.

    Raises
    ------
    ValueError
        If a dependency has no lower bound.
    """
    requirements = [
        *project["dependencies"],
        *(line for name in EXTRAS for line in project["optional-dependencies"][name]),
    ]
    lines = []
    for requirement in requirements:
        found = re.match(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)", requirement)
        if not found:
            raise ValueError(f"requirement: got {requirement!r}, expected name>=version")
        lines.append(f"{found[1]}=={found[2]}")
    return sorted(lines)


if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    print("\n".join(lowest(tomllib.loads(path.read_text(encoding="utf-8"))["project"])))
