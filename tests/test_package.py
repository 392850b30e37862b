"""The package as a whole: what it imports, how its modules are layered, how it is described, and what is shipped."""

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import fitted
import pytest

import capmodel as cm
from capmodel import sizing_results
from capmodel.costs import OperationCosts
from capmodel.sizing import SizingRegression, SizingResults

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "capmodel"
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(cm.__path__, "capmodel.") if not module.name.endswith("__main__")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Used where it is installed, imported inside a function that does without; or needed by the book alone.
OPTIONAL = {"numba", "vl_convert"}

needs_checkout = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a checkout lists its files")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def imports(path: Path) -> frozenset[str]:
    """Return every module that a file imports anywhere, names taken from the package itself as modules too."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "capmodel"}
    return frozenset(found)


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def calls(path: Path, names: set[str]) -> list[str]:
    """Return the calls of functions or methods of such names."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            function = node.func
            name = getattr(function, "attr", getattr(function, "id", ""))
            if name in names:
                found.append(f"{name_of(path)}:{node.lineno}: {name}")
    return found


# Imports


def in_a_process(code: str, **options: object) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout  # type: ignore[call-overload]


def test_importing_the_package_is_light():
    heavy = {
        "pandas",
        "numpy",
        "statsmodels",
        "scipy",
        "altair",
        "pandera",
        "joblib",
        "typer",
        "rich",
        "prometheus_client",
    }
    code = (
        "import sys, capmodel; capmodel.Deployment(agents=5, workloads=10)\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    assert heavy.isdisjoint(in_a_process(code).split())


def test_help_and_version_need_no_data_library():
    code = (
        "import sys, capmodel.cli\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(capmodel.cli.app, ['--version']).exit_code == 0\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    assert {"pandas", "statsmodels", "scipy", "altair"}.isdisjoint(in_a_process(code).split())


def test_fitting_costs_needs_no_charts_and_no_network():
    code = (
        "import sys, capmodel.validation, capmodel.plan, capmodel.costs\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}))\n"
    )
    assert {"altair", "vl_convert", "prometheus_client", "typer"}.isdisjoint(in_a_process(code).split())


@pytest.mark.parametrize("name", cm.__all__)
def test_every_public_name_is_there(name):
    assert getattr(cm, name) is not None
    assert name in dir(cm)


def test_public_names_are_told_to_type_checkers():
    """What `__getattr__` imports at run time is what type checkers read."""
    (block,) = [node for node in tree(PACKAGE / "__init__.py").body if isinstance(node, ast.If)]
    told = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == set(cm.__all__) - {"__version__"}
    assert len(cm.__all__) == len(set(cm.__all__))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'capmodel' has no attribute 'nothing'"):
        cm.nothing  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_declares_public_is_there(name):
    module = importlib.import_module(name)
    declared = getattr(module, "__all__", [])
    assert len(declared) == len(set(declared))
    assert [missing for missing in declared if not hasattr(module, missing)] == []


#: Packages by the name that they are imported by, where it is another.
IMPORTED_AS = {"prometheus-client": "prometheus_client", "pandera[pandas]": "pandera"}
#: Where alone a package of an extra is used.
EXTRAS = {"charts": "charts/", "prometheus": "prometheus/"}


def imported(requirements: list[str]) -> set[str]:
    """Return the names by which required packages are imported."""
    names = {re.split(r"[><=~ ]", requirement)[0] for requirement in requirements}
    return {IMPORTED_AS.get(name, name) for name in names}


def test_every_import_is_a_declared_dependency():
    base = imported(PROJECT["dependencies"])
    extras = {extra: imported(PROJECT["optional-dependencies"][extra]) for extra in EXTRAS}
    standard = set(sys.stdlib_module_names) | {"capmodel"} | OPTIONAL
    found = {}
    for path in sources():
        own = {name for extra, names in extras.items() if name_of(path).startswith(EXTRAS[extra]) for name in names}
        if strangers := tops(path) - base - own - standard:
            found[name_of(path)] = strangers
    assert found == {}
    used = {top for path in sources() for top in tops(path)}
    assert base.union(*extras.values()) <= used


def test_the_book_and_the_tests_have_every_extra_that_they_need():
    offered = PROJECT["optional-dependencies"]
    for extra in ("book", "dev"):
        assert {*offered["charts"], *offered["prometheus"]} <= set(offered[extra])


def test_the_benchmark_names_the_peers_that_it_pins():
    pinned = set(re.findall(r"^([\w-]+)==", (ROOT / "bench/requirements.txt").read_text(), flags=re.MULTILINE))
    named = {re.split(r"[><=]", peer)[0] for peer in PROJECT["optional-dependencies"]["bench"]}
    assert named - {"mpmath"} <= pinned


@pytest.mark.parametrize(
    ("package", "extra", "code"),
    [
        ("altair", "charts", "import capmodel; capmodel.charts"),
        ("prometheus_client", "prometheus", "from capmodel.prometheus.scrapes import read_scrape; read_scrape('x')"),
    ],
)
def test_what_needs_an_extra_names_it(package, extra, code):
    # None in the table of modules is how Python remembers that there is no such module.
    hidden = f"import sys; sys.modules[{package!r}] = None\n"
    result = subprocess.run([sys.executable, "-c", hidden + code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"pip install 'capmodel[{extra}]'" in result.stderr.splitlines()[-1]


def test_the_command_line_names_the_extra_in_one_sentence(tmp_path):
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        f"sys.argv = ['capmodel', 'import', 'a', 'b', '--times', '0', '60', '--out', {str(tmp_path / 'runs.csv')!r}]\n"
        "from capmodel.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == ("capmodel: reading scrapes needs prometheus-client: pip install 'capmodel[prometheus]'\n")
    assert not list(tmp_path.iterdir())


def test_what_is_optional_is_imported_inside_a_function():
    for path in sources():
        for node in tree(path).body:
            names = {alias.name.split(".")[0] for alias in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom):
                names = {str(node.module).split(".")[0]}
            assert not names & OPTIONAL, name_of(path)


# Layers


def test_only_charts_draws():
    drawing = [name_of(path) for path in sources() if "altair" in tops(path)]
    assert drawing
    assert all(name.startswith("charts/") for name in drawing)


def test_only_the_loaders_and_the_importer_of_scrapes_touch_files():
    touching = {
        "open", "read_csv", "read_text", "read_bytes", "write_text", "write_bytes", "to_csv", "to_json", "loadtxt",
        "mkstemp", "NamedTemporaryFile", "TemporaryDirectory", "glob", "rglob", "iterdir", "mkdir", "unlink",
    }  # fmt: skip
    allowed = {"datasets.py", "tables.py", "prometheus/scrapes.py"}
    # Addresses are opened too: that is the network, and the importer's.
    found = [call for path in sources() for call in calls(path, touching) if name_of(path) not in allowed]
    assert [call for call in found if not call.startswith("prometheus/api.py")] == []


def test_only_the_importer_uses_a_network():
    network = {"urllib", "http", "socket", "ssl", "requests", "httpx", "asyncio"}
    assert {name_of(path) for path in sources() if tops(path) & network} <= {"prometheus/api.py"}


def test_only_the_command_line_prints():
    found = [call for path in sources() for call in calls(path, {"print", "echo", "pprint"})]
    assert {call.split(":")[0] for call in found} == {"cli.py"}
    for path in sources():
        if name_of(path) != "cli.py":
            assert not tops(path) & {"typer", "rich", "logging"}


def test_queueing_and_simulation_know_neither_spire_nor_data_frames():
    for folder in ("queueing", "simulation"):
        for path in (PACKAGE / folder).glob("*.py"):
            own = {name for name in imports(path) if name.startswith("capmodel")}
            assert all(name.startswith(f"capmodel.{folder}") for name in own), name_of(path)
            assert "statsmodels" not in tops(path)
            text = path.read_text(encoding="utf-8").lower()
            assert not re.search(r"\bspire\b|spiffe|svid", text), name_of(path)
    for path in (PACKAGE / "queueing").glob("*.py"):
        assert "pandas" not in tops(path)


def test_nothing_but_charts_needs_the_simulation():
    users = {
        name_of(path)
        for path in sources()
        if any(name.startswith("capmodel.simulation") for name in imports(path))
        and not name_of(path).startswith("simulation/")
    }
    assert users <= {"__init__.py", "loop.py"}


def test_what_spire_fixes_depends_on_nothing():
    assert tops(PACKAGE / "spire.py") <= {"__future__", "math", "typing"}


@pytest.mark.parametrize(
    "name",
    [
        "demands.py",
        "steady.py",
        "cluster.py",
        "shapes.py",
        "search.py",
        "choice.py",
        "reach.py",
        "probability.py",
        "answer.py",
        "spire.py",
        "waking.py",
    ],
)
def test_the_arithmetic_that_pages_share_is_scalar(name):
    assert not tops(PACKAGE / name) & {"numpy", "pandas", "scipy", "statsmodels"}


def test_loaders_fit_nothing_and_models_know_their_place():
    def own(name: str) -> set[str]:
        return {part.split(".")[1] for part in imports(PACKAGE / name) if part.startswith("capmodel.")}

    models = {"costs", "plan", "validation", "sizing", "cluster"}
    assert not (own("datasets.py") | own("tables.py")) & models
    assert not own("sizing.py") & {"queueing", "cluster", "costs"}
    assert not own("deployment.py") & models
    assert not own("costs.py") & {"plan", "validation", "search", "choice"}
    assert not (tops(PACKAGE / "datasets.py") | tops(PACKAGE / "tables.py")) & {"statsmodels", "scipy"}
    assert not own("validation.py") & {"charts", "cli"}
    # Nothing is built on the command line.
    assert all("capmodel.cli" not in imports(path) for path in sources() if name_of(path) != "__main__.py")


# Descriptions


def documented(module_name: str) -> list[tuple[str, object]]:
    """Return the public functions, classes, methods and properties that a module defines."""
    module = importlib.import_module(module_name)
    found = []
    for name, item in vars(module).items():
        if name.startswith("_") or getattr(item, "__module__", None) != module_name:
            continue
        if inspect.isfunction(item):
            found.append((name, item))
        elif inspect.isclass(item):
            found.append((name, item))
            for part, member in vars(item).items():
                if not part.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                    found.append((f"{name}.{part}", member))
    return found


PUBLIC = [
    (f"{module}.{name}", item) for module in MODULES if not module.endswith(".cli") for name, item in documented(module)
]


def test_there_is_something_to_document():
    assert len(PUBLIC) > 200
    described = [inspect.getdoc(item) or "" for _, item in PUBLIC if inspect.isfunction(item)]
    assert sum("Parameters\n---" in text for text in described) > 100


@pytest.mark.parametrize(("name", "item"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_every_public_name_is_described(name, item):
    text = inspect.getdoc(item.fget if isinstance(item, property) else item)
    assert text
    assert text.splitlines()[0].endswith((".", "?", ":")), "the first line is no sentence"
    if not inspect.isfunction(item):
        return
    signature = inspect.signature(item)
    parameters = [part for part in signature.parameters.values() if part.name != "self" and part.name != "_"]
    sections = dict(re.findall(r"^(\w+)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, flags=re.DOTALL | re.MULTILINE))
    # One line is enough where there is nothing to choose and the line says what comes back.
    simple = len(text.splitlines()) == 1
    if parameters and not simple:
        assert "Parameters" in sections
        described = {
            word
            for line in re.findall(r"^(\S.*?)(?: :|$)", sections["Parameters"], flags=re.MULTILINE)
            for word in line.split(", ")
        }
        missing = [part.name for part in parameters if part.name not in {word.lstrip("*") for word in described}]
        assert missing == []
    gives = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    if gives and not simple:
        assert "Returns" in sections or "Yields" in sections


def raised(function: object) -> set[str]:
    """Return the exceptions that a function's own body raises."""
    body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))
    return {
        getattr(node.exc.func, "id", "")
        for node in ast.walk(body)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }


def test_functions_that_raise_say_so():
    silent = []
    for name, item in PUBLIC:
        if inspect.isfunction(item) and "." not in name.removeprefix("capmodel.").split(".", 1)[-1]:
            text = inspect.getdoc(item) or ""
            silent += [f"{name}: {error}" for error in raised(item) if error not in text]
    assert silent == []


# Examples


@pytest.fixture
def quick_fit(monkeypatch):
    """Let examples that fit the shipped runs share one fit; every other fit is done."""
    shipped, fit = len(cm.load_sync_runs(paths=())), OperationCosts.fit
    reloads = len(cm.load_reload_runs())

    def fit_or_share(self: OperationCosts) -> cm.CostResults:
        whole = (len(self.runs), len(self.reload_runs)) == (shipped, reloads)
        return fitted.costs() if whole and set(self.runs["source"]) == {"shipped"} else fit(self)

    fitted.costs()
    monkeypatch.setattr(OperationCosts, "fit", fit_or_share)
    # Ladders of the same cells share a fit, and what was held out of it; how other guesses do is
    # for test_sizing, which compares with them.
    monkeypatch.setattr(SizingRegression, "fit", ladder_or_share)
    monkeypatch.setattr(sizing_results, "baselines", lambda _: [])


LADDER_FIT, LADDERS = SizingRegression.fit, {}


def ladder_or_share(model: SizingRegression) -> SizingResults:
    """Fit a ladder if no example has fitted the same one."""
    options = model.family.name, model.response, model.workloads_are, model.lowest, model.highest
    cells = model.table.to_csv(), *options
    if cells not in LADDERS:
        LADDERS[cells] = LADDER_FIT(model)
    return LADDERS[cells]


@pytest.mark.parametrize("name", ["capmodel", *MODULES])
def test_examples_run(name, quick_fit):
    module = importlib.import_module(name)
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        result = doctest.testmod(module)
    assert result.failed == 0, written.getvalue()


def shown(text: str | None) -> str:
    """Return the code of a description's examples."""
    examples = doctest.DocTestParser().get_examples(inspect.cleandoc(text or ""))
    return "".join(example.source for example in examples)


def members(item: type) -> dict[str, str]:
    """Return the public methods and properties that a class defines, each with the code of its own examples."""
    found = {}
    for name, member in vars(item).items():
        function = getattr(member, "fget", getattr(member, "func", getattr(member, "__func__", member)))
        if not name.startswith("_") and inspect.isfunction(function):
            found[name] = shown(function.__doc__)
    return found


def without_example(names: dict[str, object]) -> list[str]:
    """Return the functions and classes that show no use of themselves, and members that no example of theirs uses."""
    missing = []
    for name, item in names.items():
        if not shown(vars(item).get("__doc__") if inspect.isclass(item) else item.__doc__):
            missing.append(name)
        if inspect.isclass(item):
            parts = members(item)
            used = "".join([shown(item.__doc__), *parts.values()])
            missing += [
                f"{name}.{part}" for part, own in parts.items() if not own and not re.search(rf"\.{part}\b", used)
            ]
    return missing


def test_whatever_the_site_describes_shows_its_use():
    """What is reached from the package, and stands on a page about it: methods may be shown by their class."""
    import reference

    modules = sorted({short for shorts in reference.ROOMS.values() for short in shorts})
    assert {*cm._MODULES, *cm._HOME.values()} <= set(modules)
    names = {
        f"{short}.{name}": getattr(module, name)
        for short in modules
        for module in [importlib.import_module(f"capmodel.{short}")]
        for name in reference.names_of(module)
    }
    assert len(names) > 200
    assert without_example(names) == []


def test_what_shows_no_use_of_itself_is_found():
    class Shown:
        """A class.

        >>> Shown().one
        """

        @property
        def one(self):
            """Used above."""

        @classmethod
        def two(cls):
            """Not used."""

    class Heir(Shown):
        pass

    def silent():
        """Show nothing."""

    assert without_example({"Shown": Shown, "Heir": Heir, "silent": silent}) == ["Shown.two", "Heir", "silent"]


def test_what_modules_declare_says_what_it_takes_gives_and_refuses():
    """Functions that a public module declares and that choose by arguments have both sections."""
    for short in ("queueing", "simulation", "datasets"):
        module = importlib.import_module(f"capmodel.{short}")
        for name in module.__all__:
            item = getattr(module, name)
            if inspect.isfunction(item) and inspect.signature(item).parameters:
                text = inspect.getdoc(item)
                assert "Parameters\n---" in text, name
                assert "Returns\n---" in text or item.__annotations__["return"] in (None, "None"), name


# What is shipped


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Build the wheel with what is installed; an attempt to use a network fails."""
    target = tmp_path_factory.mktemp("wheel")
    environment = os.environ | {
        "PIP_NO_INDEX": "1",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_data_file(wheel):
    names = set(wheel.namelist())
    for path in (ROOT / "data").rglob("*"):
        if path.is_file() and path.parent.name != "measurements":
            name = f"capmodel/data/{path.relative_to(ROOT / 'data').as_posix()}"
            assert name in names
            assert wheel.read(name) == path.read_bytes()
    assert "capmodel/data/sync_runs.csv" in names
    assert "capmodel/data/measurements/template.csv" in names


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = set(wheel.namelist())
    assert {f"capmodel/{name_of(path)}" for path in sources()} <= names
    assert "capmodel/py.typed" in names
    information = f"capmodel-{cm.__version__}.dist-info/"
    assert all(name.startswith(("capmodel/", information)) for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("capmodel/tests")]
    assert "capmodel=capmodel.cli:main" in wheel.read(information + "entry_points.txt").decode().replace(" ", "")
    assert f"Version: {cm.__version__}" in wheel.read(information + "METADATA").decode()
    assert any(name.startswith(information) and name.endswith("LICENSE") for name in names)


def test_the_unpacked_wheel_finds_its_data(wheel, tmp_path):
    wheel.extractall(tmp_path / "lib")
    code = (
        "import capmodel\n"
        "print(capmodel.__file__, capmodel.datasets.data_path(), len(capmodel.load_fleet_runs()), sep='\\n')"
    )
    output = in_a_process(code, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path / "lib")})
    package, data, rows = output.splitlines()
    assert Path(package) == tmp_path / "lib" / "capmodel" / "__init__.py"
    assert Path(data) == tmp_path / "lib" / "capmodel" / "data"
    assert int(rows) == len(cm.load_fleet_runs())


def test_versions_agree():
    assert PROJECT["version"] == cm.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {cm.__version__}" in citation.replace('"', "")


@cache
def tracked() -> tuple[Path, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


@needs_checkout
def test_no_file_names_a_path_of_this_machine():
    places = {str(ROOT), str(ROOT.resolve()), sys.prefix, str(Path.home()) + "/"} - {"/", "//"}
    found = [
        f"{path.relative_to(ROOT)}: {place}"
        for path in tracked()
        for place in places
        if place.encode() in path.read_bytes()
    ]
    assert found == []


@needs_checkout
def test_the_lock_names_no_registry():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    assert "--hash=sha256:" in text
