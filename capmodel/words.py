"""How numbers are written in sentences."""

from typing import Any


def percent(share: Any, form: str = ".0f") -> str:
    """Write a share in percent.

    Parameters
    ----------
    share : float
        The share, of any type that is written as a number; 1 is the whole.
    form : str
        Format of the number before the sign, as of :func:`format`.

    Returns
    -------
    str
        Percent.

    Examples
    --------
    >>> percent(0.256), percent(0.0123, ".1f"), percent(0.0004, ".2g"), percent(0.1, "+.0f")
    ('26 %', '1.2 %', '0.04 %', '+10 %')
    """
    return f"{100.0 * share:{form}} %"
