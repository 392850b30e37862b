"""Translate the plain arithmetic of the package to JavaScript, so that a page computes with the package's own code.

Only a subset of Python is known, the one that JavaScript can say with the same meaning: functions, named tuples,
numbers, strings, lists and dictionaries with string keys. Everything else is an error that names file and line. What
only shows while the script runs (a missing key, an object compared by value, something that is no list in a loop) is
checked there, so that a difference becomes an error and never another number.

``modules`` reads what the package defines, ``definitions`` collects what a page's names reach, ``expressions`` and
``statements`` translate it, ``runtime.js`` stands in for Python where JavaScript differs, and ``site`` writes the file
that the pages share, ``_static/capmodel.js``.
"""

from translate.modules import TranslationError
from translate.site import EXPORTS, FILE, package_sources, plain, script, site_script, write

__all__ = ["EXPORTS", "FILE", "TranslationError", "package_sources", "plain", "script", "site_script", "write"]
