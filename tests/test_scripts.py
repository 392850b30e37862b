"""The scripts beside the package."""

import tomllib

import pytest
from conftest import ROOT, load_script

lowest = load_script(ROOT / "scripts" / "lowest.py")


def test_every_dependency_of_the_package_has_a_lowest_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = lowest.lowest(project)
    extras = [line for name in lowest.EXTRAS for line in project["optional-dependencies"][name]]
    assert len(lines) == len(project["dependencies"]) + len(extras)
    assert all(line.count("==") == 1 for line in lines)


def test_a_dependency_without_a_bound_is_named():
    with pytest.raises(ValueError, match=r"^requirement: got 'numpy', expected name>=version"):
        lowest.lowest({"dependencies": ["numpy"], "optional-dependencies": {"charts": [], "prometheus": []}})


def test_continuous_integration_tests_each_version_that_is_offered():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    offered = [line.rsplit(" ", 1)[1] for line in project["classifiers"] if "Python :: 3." in line]
    assert offered
    assert all(f'python: "{version}", versions: current' in workflow for version in offered)
    assert "versions: lowest" in workflow
