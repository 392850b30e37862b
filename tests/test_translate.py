"""The translator: each construct means in a browser what it means in Python, and everything else is refused."""

import json
import math
import random
import textwrap
from itertools import chain

import pytest
import translate
from fitted import costs as fitted

import capmodel as cm
from capmodel import answer, cluster, deployment, growth, plan, probability, shapes, spire, what_if, whole
from capmodel.prices import UNPRICED, PerHour
from capmodel.regression import normal_quantile
from capmodel.topology import Federated, Nested, SingleTrustDomain

TYPES = "from __future__ import annotations\nimport math\nfrom typing import NamedTuple\n"


def source(text):
    return TYPES + textwrap.dedent(text)


def refused(text, *names):
    """Return why a module is refused; `names` are what is asked for, f by default."""
    with pytest.raises(translate.TranslationError) as caught:
        translate.script({"given": source(text)}, {"given": names or ("f",)}, {})
    return str(caught.value)


@pytest.fixture(scope="module")
def page(browser):
    opened = browser.new_page()
    opened.goto("about:blank")
    yield opened
    opened.close()


def load(page, sources, exports, data=None, name="capmodel"):
    page.add_script_tag(content=translate.script(sources, exports, data or {}, name))


def in_browser(page, expression, argument=None):
    """Evaluate an expression of `argument`; infinite numbers come back as they are."""
    return page.evaluate(f"(argument) => {expression}", argument)


def both(page, text, calls):
    """Return what f gives for each list of arguments, in Python and in the browser."""
    space = {}
    exec(compile(source(text), "given", "exec"), space)
    load(page, {"given": source(text)}, {"given": ("f",)}, name="tried")
    here = [space["f"](*arguments) for arguments in calls]
    there = in_browser(page, "argument.map((x) => tried.given.f(...x))", calls)
    return here, there


# Constructs


CONSTRUCTS = {
    "arithmetic keeps its order": (
        """
        def f(a, b, c):
            differences = [a - (b - c), a - b - c, -(-a), - -b, -(a - b)]
            return [differences, a / (b * c), a / b * c, -a ** 2, (-a) ** 2, 2 ** -b, a ** b ** c]
        """,
        [[3, 2, 1], [0.1, 0.2, 0.3], [7.0, 1.5, 2.0]],
    ),
    "comparisons and logic": (
        """
        def f(a, b, c):
            one = a < b <= c or not a == b and c != a
            return [one, not one, a == 1, one and a > 0]
        """,
        [[1, 2, 3], [3, 2, 1], [1, 1, 1], [0, 0, 0]],
    ),
    "conditional expressions nest": (
        """
        def f(a, b):
            return (1 if a else 2 if b else 3) + (10 if not a else 20) if a != b else (0 if a > 1 else 5)
        """,
        [[0, 0], [0, 1], [1, 0], [2, 2], [1, 1]],
    ),
    "what counts as true": (
        """
        def f(x):
            if x:
                return "yes"
            return "no"
        """,
        [[0], [1], [0.0], [""], ["a"], [[]], [[0]], [{}], [{"a": 0}], [None], [True], [False]],
    ),
    "loops over numbers leave their variable": (
        """
        def f(n):
            total = 0
            k = -1
            for k in range(n):
                if k == 2:
                    continue
                if k > 5:
                    break
                total += k
                k = 100
            for j in range(-2, n):
                for i in range(j):
                    total = total + i * j
            return [total, k]
        """,
        [[0], [1], [4], [9]],
    ),
    "while, and a return from inside": (
        """
        def f(n):
            steps = 0
            while n != 1:
                if steps > 50:
                    return None
                n = n / 2 if n == math.floor(n / 2) * 2 else 3 * n + 1
                steps = steps + 1
            return steps
        """,
        [[1], [7], [27], [97]],
    ),
    "comprehensions": (
        """
        def f(values):
            k = 7
            squares = [k * k for k in values if k > 0 and k != 2]
            same = [x for x in values]
            same.append(9)
            return [squares, k, [0.0 for _ in range(3)], [i + 1 for i in range(1, 4)], same, values, list(values)]
        """,
        [[[1, 2, 3]], [[]], [[-1, 4]]],
    ),
    "dictionaries keep their order": (
        """
        def f(key):
            items = {"b": 1.0, key + "!": 2.0}
            items["a"] = 3.0
            items["b"] = items["b"] + 1.0
            names = []
            for name in items:
                names.append(name)
            return [names, items, "a" in items, key in items, "z" not in items, len(items), {}]
        """,
        [["x"], ["y"]],
    ),
    "lists": (
        """
        def f(values):
            values = list(values)
            values[0] = values[-1] + 1
            values.extend([4, 5])
            return [values, len(values), values.index(4), values[len(values) - 1], 4 in values, 9 in (1, 2)]
        """,
        [[[1, 2]], [[8]]],
    ),
    "unpacking": (
        """
        def g(a, b):
            return b, a
        def f(a, b):
            a, b = b, a
            c, d = g(a, b)
            total = 0
            for x, y in [[1, 2], [3, 4]]:
                total = total + x * y
            return [a, b, c, d, total, [p - q for p, q in [[1, 2], [a, b]]]]
        """,
        [[1, 2], [5, 3]],
    ),
    "named tuples": (
        """
        class Inner(NamedTuple):
            default: float
            extra: float = 2.0
        class Outer(NamedTuple):
            inner: Inner
            ready: bool
        def make(value):
            return Outer(ready=value > 1.0, inner=Inner(value))
        def f(value):
            made = make(value)
            ready = made.ready and value < 10.0
            other = Inner(extra=1.0, default=made.inner.extra)
            changed = other._replace(extra=value)
            first = [made.inner.default, made.inner.extra, ready, other.default, other.extra, Inner(1.0, 5.0).extra]
            return [first, changed.default, changed.extra]
        """,
        [[1.0], [2.0], [20.0]],
    ),
    "arguments by name, and defaults": (
        """
        SCALE = 3.0
        def g(a, b=2.0, *, c, d=SCALE):
            return a + 10 * b + 100 * c + 1000 * d
        def f(x):
            return [g(x, c=1.0), g(c=x, a=1.0), g(x, 5.0, d=0.0, c=1.0), g(b=x, c=2.0, a=3.0)]
        """,
        [[1.0], [7.0]],
    ),
    "functions inside functions": (
        """
        def f(x):
            total = x
            def add(amount):
                half = amount / 2
                return total + half
            total = 2 * x
            twice = lambda value: add(value) * 2
            def apply(function, value):
                return function(value)
            return [add(1.0), twice(3.0), apply(twice, x), apply(lambda v: v + x, 1.0)]
        """,
        [[1.0], [4.0]],
    ),
    "built-in functions": (
        """
        def f(a, b):
            return [min(a, b, 1), max(a, b), abs(a - b), int(a / 2), int(-a / 2), float(a), float(a + b) * 2,
                    math.ceil(a / 3), math.floor(-a / 3), math.isfinite(a), math.inf > b, math.isnan(math.nan)]
        """,
        [[5, 7], [-5.5, 2.25], [0, 0]],
    ),
    "texts": (
        """
        def f(name, value):
            parts = [name, "b"]
            return [f"{name}: {value:.2f}" + "; ".join(parts), "".join([]), f"", f"{name}", f"{{{value:g}}}", 'q"\\\\n']
        """,
        [["x", 1.005], ['"</script>', -0.5]],
    ),
    "names that JavaScript keeps for itself": (
        """
        def f(new, function):
            default = new + function
            var = default * 2
            return [var, [this for this in [new]]]
        """,
        [[1, 2]],
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_a_construct_means_the_same_in_the_browser(page, name):
    text, calls = CONSTRUCTS[name]
    here, there = both(page, text, calls)
    assert there == json.loads(json.dumps(here))


def test_functions_differ_by_no_more_than_rounding(page):
    text = """
    def f(x):
        powers = [x ** 0.3, (1.0 - 1.0 / (1.0 + x)) ** x]
        return [math.exp(-x), math.exp(x / 10.0), math.log(x), math.sqrt(x), math.pi, powers[0], powers[1]]
    """
    draw = random.Random(5)
    here, there = both(page, text, [[math.exp(draw.uniform(-8, 5))] for _ in range(300)])
    for one, other in zip(chain(*here), chain(*there), strict=True):
        assert other == pytest.approx(one, rel=4e-16, abs=0.0)


def test_numbers_are_written_as_python_writes_them(page):
    formats = [".0f", ".1f", ".2f", ",.0f", ",.2f", ".3g", ".6g", "g", ".1g", ".0%", ".1%"]
    fields = ", ".join(f'f"{{x:{item}}}"' for item in formats)
    draw = random.Random(7)
    numbers = [0.0, -0.0, 0.5, 1.5, 2.5, 0.125, 0.375, 2.675, 1.005, 0.05, 0.15, 9.5, 99.5, 995.0, 999999.5, 1e5, 1e6]
    numbers += [1e16, 123456789.0, 1e-4, 9.9999e-5, 1e-5, 1e-300, 1e300 / 1e285, 0.1 + 0.2, 12.5, 250.0, 25000.0]
    numbers += [math.exp(draw.uniform(-14, 20)) for _ in range(300)]
    numbers += [draw.randrange(10**7) / draw.choice([2, 8, 16, 64]) for _ in range(300)]
    numbers += [-number for number in numbers]
    here, there = both(page, f"def f(x):\n    return [{fields}]", [[number] for number in numbers])
    assert there == here


def test_infinity_is_written_as_python_writes_it(page):
    text = "def f(x):\n    y = math.inf * x\n    return [f'{y:.2f}', f'{-y:g}', f'{y - y:.1f}', f'{y:.0%}']"
    here, there = both(page, text, [[1.0]])
    assert there == here


# What is refused


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("return [*x]", "Starred|star"),
        ("return g(*x)", "star"),
        ("return x[1:2]", "a slice"),
        ("return x % 2", "the operator Mod"),
        ("return x // 2", "the operator FloorDiv"),
        ("return [1] + x", "arithmetic with anything but numbers"),
        ("return [0.0] * 3", "arithmetic with anything but numbers"),
        ("return 's' * 3", "arithmetic with anything but numbers"),
        ("return x or 1.0", "and/or as a value"),
        ("return x == [1]", "a comparison of lists"),
        ("return x is 1.0", "by identity"),
        ("return sum(x)", "a call of sum"),
        ("return round(x)", "a call of round"),
        ("return sorted(x)", "a call of sorted"),
        ("return min(x)", "min of one list"),
        ("return int('3')", "int of a text"),
        ("return x.items()", "the method items"),
        ("return x._replace(third=1)", "the field third"),
        ("return x.missing", "the attribute missing"),
        ("return math.gamma(x)", "math.gamma"),
        ("return unknown(x)", "a call of unknown"),
        ("return unknown", "the name unknown"),
        ("return g(x, x)", "g with"),
        ("return g(b=x)", "the argument b"),
        ("return g()", "g without a"),
        ("return Pair(x)", "Pair without second"),
        ("return Pair(x, x, x)", "Pair with 3 arguments"),
        ("return Pair", "the class Pair as a value"),
        ("return f'{x!r}'", "a conversion"),
        ("return f'{x:>5}'", "the format"),
        ("return f'{x:.{y}f}'", "a format that is computed"),
        ("return {1: 2, **x}", "unpacking of a dictionary"),
        ("return {y for y in x}", "an expression of the kind SetComp"),
        ("return (y for y in x)", "an expression of the kind GeneratorExp"),
        ("return [a for b in x for a in b]", "several loops"),
        ("return lambda a=1: a", "a lambda with defaults"),
        ("return 10 ** 20 + 100000000000000000000", "a whole number that JavaScript cannot hold"),
        ("return b'x'", "a constant of the type bytes"),
        ("return ~x", "the operator Invert"),
        ("return (yield x)", "an expression of the kind Yield"),
        ("x.y = 1", "an assignment to anything but"),
        ("x[1:] = [1]", "an assignment to anything but"),
        ("a = b = x", "an assignment to several targets"),
        ("a, *b = x", "unpacking into anything but names"),
        ("del x", "a statement of the kind Delete"),
        ("global SIZE", "a statement of the kind Global"),
        ("assert x", "a statement of the kind Assert"),
        ("import os", "a statement of the kind Import"),
        ("x", "a statement of the kind Expr"),
        ("raise ValueError", "a raise of anything but"),
        ("for i in range(0, x, 2):\n        pass", "a range with a step"),
        ("for i in x:\n        pass\n    else:\n        pass", "an else of a loop"),
        ("while x:\n        pass\n    else:\n        pass", "an else of a loop"),
        ("try:\n        pass\n    except ValueError:\n        pass", "a statement of the kind Try"),
        ("with x:\n        pass", "a statement of the kind With"),
    ],
)
def test_anything_else_is_refused_with_its_place(statement, why):
    text = (
        "class Pair(NamedTuple):\n    first: float\n    second: float\n\n\n"
        "SIZE = 3\n\n\ndef g(a):\n    return a\n\n\n"
        f"def f(x, y):\n    {statement}\n"
    )
    message = refused(text)
    line = len((TYPES + text).split("\n    " + statement.split("\n")[0])[0].splitlines()) + 1
    place, _, said = message.partition(": ")
    assert place.startswith("capmodel/given.py:")
    assert abs(int(place.split(":")[1]) - line) <= 1
    assert any(word in said for word in why.split("|"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f(*x):\n    return x", "a variable number of arguments"),
        ("def f(**x):\n    return x", "a variable number of arguments"),
        ("@math\ndef f(x):\n    return x", "a decorator"),
        ("class C:\n    pass\ndef f(x):\n    return C()", "a call of C"),
        ("from capmodel import other\ndef f(x):\n    return other.g(x)", "the module other"),
        ("from numpy import array\ndef f(x):\n    return array(x)", "a call of array"),
    ],
)
def test_functions_and_names_outside_the_subset_are_refused(text, why):
    assert why in refused(text)


def test_a_name_that_is_not_there_is_refused():
    assert "nothing is called g" in refused("def f(x):\n    return x", "g")


def test_what_nothing_reaches_may_be_anything(page):
    text = "import numpy as np\ndef other(x):\n    with np.errstate():\n        return x @ x\ndef f(x):\n    return x"
    load(page, {"given": source(text)}, {"given": ("f",)}, name="tried")
    assert in_browser(page, "tried.given.f(3)") == 3


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("def f(x):\n    return x['b']", {"a": 1}),
        ("def f(x):\n    return x['toString']", {"a": 1}),
        ("def f(x):\n    return x[2]", [1, 2]),
        ("def f(x):\n    x[2] = 1\n    return x", [1, 2]),
        ("def f(x):\n    y = [1]\n    return x == y", [1]),
        ("def f(x):\n    return [k for k in x]", 3),
        ("def f(x):\n    return len(x)", 3),
        ("def f(x):\n    return x.index(9)", [1]),
        ("def f(x):\n    return f'{x}'", 1.0),
        ("def f(x):\n    return f'{x:.2f}'", "1.0"),
        ("class P(NamedTuple):\n    a: float\ndef f(x):\n    return [k for k in P(a=x)]", 1),
        ("class P(NamedTuple):\n    a: float\ndef f(x):\n    p = P(a=x)\n    return p == P(a=x)", 1),
        ("class P(NamedTuple):\n    a: float\ndef f(x):\n    return 1 if P(a=x) else 2", 1),
        ("def f(x):\n    raise ValueError('no ' + x)", "way"),
    ],
)
def test_what_would_differ_while_it_runs_stops(page, text, argument):
    load(page, {"given": source(text)}, {"given": ("f",)}, name="tried")
    threw = (
        "(() => { try { tried.given.f(argument); return false; } catch (error) { return error instanceof Error; } })()"
    )
    assert in_browser(page, threw, argument)


def test_a_named_tuple_is_built_from_one_object_that_must_be_complete(page):
    text = "class P(NamedTuple):\n    a: float\n    b: float\ndef f(p):\n    return p.a - p.b"
    load(page, {"given": source(text)}, {"given": ("f", "P")}, name="tried")
    assert in_browser(page, "tried.given.f(tried.given.P({ b: 1, a: 3 }))") == 2
    for given in ("{ a: 1 }", "{ a: 1, b: 2, c: 3 }"):
        threw = f"(() => {{ try {{ tried.given.P({given}); }} catch (error) {{ return error.message; }} }})()"
        assert "field" in in_browser(page, threw)


def test_data_cannot_end_the_script_or_be_infinite(page):
    assert "</script" not in translate.script({}, {}, {"text": "</script>"})
    with pytest.raises(ValueError, match="JSON compliant"):
        translate.script({}, {}, {"number": math.inf})


# The package

FLEETS = 504
#: Draws that are passed over: their searches look at hundreds of shapes and took a third of the time of all, and each
#: kind of answer is there without them.
DEAR = {52, 133, 217, 232, 256, 292, 374, 424, 427, 448, 482, 493}


def drawn(count=FLEETS):
    """Draw fleets of every kind: all inputs vary, on every datastore, in every mode, whole and divided."""
    draw = random.Random(11)

    def mostly(usual, *others):
        return usual if draw.random() < 0.6 else draw.choice(others)

    for number in range(count + len(DEAR)):
        store, mode = spire.DATASTORES[number % 3], spire.SYNC_MODES[number // 3 % 4]
        agents = max(1, round(10 ** draw.uniform(0, 5.5)))
        workloads = min(int(agents * draw.choice([0, 1, 2, 2.7, 20, 300])), 50_000_000)
        fleet = cm.Deployment(
            agents=agents,
            workloads=workloads,
            datastore=store,
            sync_mode=mode,
            entries_per_agent=draw.choice([None, min(workloads, 30)]),
            spire_version="v1.8.2" if mode == "full_cache" and draw.random() < 0.3 else None,
            sync_interval_s=mostly(5.0, 1.0, 30.0),
            reload_interval_s=mostly(5.0, 1.5, 60.0),
            x509_ttl_s=mostly(3600.0, 300.0, 86_400.0),
            agent_ttl_s=mostly(3600.0, 600.0),
            ca_ttl_s=mostly(86_400.0, 3600.0),
            jwt_ttl_s=mostly(300.0, 60.0, 3600.0),
            jwt_per_s=mostly(0.0, 3.0, 2000.0),
            jwt_pairs_per_agent=mostly(0.0, 4.0),
            jwt_requests_per_pair_s=draw.choice([0.0, 0.1, 3.0]),
            changes_per_s=mostly(0.0, 1.0, 50.0),
            updates_per_s=mostly(0.0, 0.3, 20.0),
            federated_domains=mostly(0.0, 3.0, 25.0),
            federated_peers=mostly(0.0, 2.0, 60.0),
            downstream_servers=mostly(0.0, 6.0),
            selectors_per_entry=mostly(2.0, 1.0, 6.5),
            dns_names_per_entry=mostly(0.0, 1.0),
            node_selectors_per_agent=mostly(0.0, 3.0),
            ca_key_type=draw.choice(spire.CA_KEY_TYPES),
            # Classes of agents cost time: few fleets prove as much.
            zipf_exponent=draw.choice([0.5, 1.0, 1.4]) if number % 7 == 0 else 0.0,
            reattests=draw.random() < 0.3,
            cores_taken=mostly(0.0, 0.25),
            datastore_round_trip_time_s=mostly(0.0, 0.0007, 0.04),
            machine_speed=mostly(1.0, 0.5, 2.2),
            datastore_speed=mostly(1.0, 1.5),
        )
        limits = {
            "max_utilization": mostly(0.6, 0.3, 0.85),
            # A crawl through a database cannot answer that soon, and the search would try every shape in vain.
            "max_response_time_s": mostly(1.0, 10.0 if mode.startswith("crawl") else 0.02, 10.0),
            "spare_servers": mostly(1, 0, 2),
            "level": mostly(0.9, 0.5, 0.99),
        }
        clusters = min(draw.choice([2, 5] if mode.startswith("crawl") else [2, 3, 5]), agents)
        topology = ("single", "nested", "federated")[number // 12 % 3] if clusters > 1 else "single"
        if number not in DEAR:
            yield fleet, limits, topology, clusters


def leaves(value, path=""):
    """Return every number and text of nested values by where it stands."""
    if isinstance(value, dict):
        return {key: leaf for name, item in value.items() for key, leaf in leaves(item, f"{path}.{name}").items()}
    if isinstance(value, list):
        found = {key: leaf for k, item in enumerate(value) for key, leaf in leaves(item, f"{path}.{k}").items()}
        return {f"{path}.length": len(value), **found}
    return {path: value}


#: Mostly none, as it is for most readers; then dear cores, memory, datastores or servers.
PRICES = [UNPRICED] * 6 + [
    PerHour(0.03, 0.004, 0.1, 0.0),
    PerHour(0.03, 0.5, 0.0, 0.0),
    PerHour(0.001, 0.0, 3.0, 0.01),
    PerHour(0.03, 0.004, 0.05, 1.5),
    UNPRICED,
]

#: All that the first page shows of a fleet, from its inputs.
ANSWER = """argument.map(([fleet, limits, topology, clusters, level, stepping, hourly]) => {
  const { answer, growth, what_if, whole } = capmodel;
  const inputs = capmodel.deployment.Inputs(fleet), unit = capmodel.unit_costs[fleet.datastore];
  const given = capmodel.shapes.Limits(limits), prices = capmodel.prices.PerHour(hourly);
  const parts = whole.size(inputs, unit, given, topology, clusters, prices), least = parts[whole.binding(parts)];
  const [own, choice] = [least.fleet, least.choice];
  const step = stepping ? what_if.steps(inputs, given)[3] : null;
  return {
    parts,
    rows: whole.rows(parts),
    quantities: answer.quantities(own, choice),
    words: [
      whole.sentence(inputs, parts, topology, fleet.datastore),
      whole.condition(parts, given, level),
      whole.about(parts, topology),
      whole.csv(parts, prices),
      whole.priced(parts, prices),
      answer.binding(own, least.limits, choice),
      answer.smaller(own, choice),
      answer.comparison(capmodel.reference_table, own, choice),
      answer.bar(choice.degraded.server_utilization, given.max_utilization),
      answer.quantities(own, choice).map((item) => answer.span(item.value, item.unit)),
      whole.extrapolations(parts, capmodel.measured),
      whole.assumptions(inputs, given, topology, fleet.datastore),
    ],
    cost: whole.cost(parts, prices),
    change: step
      ? what_if.change(step, capmodel.unit_costs[step.fleet.datastore], parts, topology, clusters, prices) : null,
    chances: step ? capmodel.probability.chances(own, unit, least.limits, choice.shape, choice.memory_gb) : null,
    forecast: capmodel.cluster.forecast(inputs, unit, 3, 2, 4, limits.quantile),
  };
})"""


def here(fleet, limits, topology, clusters, stepping, prices=UNPRICED):
    """Return what :data:`ANSWER` returns, from the package, and its argument; `stepping` asks for a step as well."""
    inputs, unit = fleet.inputs(), fitted().unit_costs(fleet.datastore)
    given = shapes.Limits(
        limits["max_utilization"],
        limits["max_response_time_s"],
        normal_quantile(limits["level"]),
        limits["spare_servers"],
    )
    parts = whole.size(inputs, unit, given, topology, clusters, prices)
    least = parts[whole.binding(parts)]
    own, choice = least.fleet, least.choice
    step = what_if.steps(inputs, given)[3] if stepping else None
    found = {
        "parts": parts,
        "rows": whole.rows(parts),
        "quantities": answer.quantities(own, choice),
        "words": [
            whole.sentence(inputs, parts, topology, fleet.datastore),
            whole.condition(parts, given, limits["level"]),
            whole.about(parts, topology),
            whole.csv(parts, prices),
            whole.priced(parts, prices),
            answer.binding(own, least.limits, choice),
            answer.smaller(own, choice),
            answer.comparison(plan.reference_table(), own, choice),
            answer.bar(choice.degraded.server_utilization, given.max_utilization),
            [answer.span(item.value, item.unit) for item in answer.quantities(own, choice)],
            whole.extrapolations(parts, plan.measured(fitted())),
            whole.assumptions(inputs, given, topology, fleet.datastore),
        ],
        "cost": whole.cost(parts, prices),
        "change": step
        and what_if.change(step, fitted().unit_costs(step.fleet.datastore), parts, topology, clusters, prices),
        "chances": step and probability.chances(own, unit, least.limits, choice.shape, choice.memory_gb),
        "forecast": cluster.forecast(inputs, unit, 3, 2, 4, given.quantile),
    }
    plain = [translate.plain(inputs), translate.plain(given), topology, clusters, limits["level"], stepping]
    return found, [*plain, translate.plain(prices)]


@pytest.fixture(scope="module")
def answers(page):
    """Return each fleet with the answer of Python and the answer of the browser."""
    page.add_script_tag(content=translate.site_script(fitted()))
    fleets = list(drawn())
    own = [here(*fleet, number % 9 == 0, PRICES[number % len(PRICES)]) for number, fleet in enumerate(fleets)]
    # In parts, since a browser kills what does not answer.
    there = [
        answer
        for start in range(0, len(own), 100)
        for answer in in_browser(page, ANSWER, [arguments for _, arguments in own[start : start + 100]])
    ]
    return [
        (fleet, leaves(translate.plain(one)), leaves(other))
        for fleet, (one, _), other in zip(fleets, own, there, strict=True)
    ]


def test_the_browser_gives_every_number_and_word_of_the_package(answers):
    compared = 0
    for fleet, ours, theirs in answers:
        assert theirs.keys() == ours.keys(), fleet
        for key, value in ours.items():
            if isinstance(value, float) and not isinstance(value, bool):
                assert theirs[key] == pytest.approx(value, rel=1e-9, abs=0.0), (fleet, key)
                compared += 1
            else:
                assert theirs[key] == value, (fleet, key)
    assert len(answers) >= 500
    assert compared > 100 * len(answers)


def test_what_pages_size_is_what_the_package_sizes(answers):
    """The page divides a fleet with `whole.size`, the package with deployments: both give the same clusters."""
    names = {"root": "root", "cluster": "cluster", "trust domain": "domain "}
    for number in range(0, len(answers), 9):
        (fleet, limits, topology, clusters), _, theirs = answers[number]
        split = {"single": SingleTrustDomain, "nested": Nested.split, "federated": Federated.split}[topology]
        divided = split(fleet) if topology == "single" else split(fleet, clusters)
        given = PRICES[number % len(PRICES)]
        sized = cm.size(divided, fitted(), prices=None if given == UNPRICED else cm.Prices(**given._asdict()), **limits)
        remaining = list(sized.clusters)
        for k in range(theirs[".parts.length"]):
            part = {key.removeprefix(f".parts.{k}."): value for key, value in theirs.items()
                    if key.startswith(f".parts.{k}.")}  # fmt: skip
            for _ in range(int(part["number"])):
                own = remaining.pop(0)
                assert own.name.startswith(names[part["name"]])
                assert (own.agents, own.workloads) == (part["fleet.agents"], part["fleet.workloads"])
                assert own.choice.shape == tuple(
                    part[f"choice.shape.{name}"] for name in ("servers", "cores", "datastore_cores")
                )
                assert own.memory_gb_per_server == part["choice.memory_gb"]
                used = own.degraded.utilization["server"]
                assert used.upper == pytest.approx(part["choice.degraded.server_utilization.upper"], rel=1e-9)
                assert list(own.reasons) == [part[f"choice.reasons.{n}"] for n in range(part["choice.reasons.length"])]
            binds = sized.binding
        assert not remaining
        row = next(k for k in range(theirs[".rows.length"]) if theirs[f".rows.{k}.binds"])
        assert (theirs[f".rows.{row}.name"].startswith("root")) == (binds.name == "root")


def test_a_curve_and_a_capacity_are_those_of_the_package(page):
    page.add_script_tag(content=translate.site_script(fitted()))
    for fleet in (
        cm.Deployment(agents=700, workloads=9000),
        cm.Deployment(agents=300, workloads=900, sync_mode="crawl"),
    ):
        inputs, unit = fleet.inputs(), fitted().unit_costs(fleet.datastore)
        limits, shape = shapes.Limits(0.6, 1.0, 1.6448536269514722, 1), shapes.Shape(2, 2, 2)
        ours = [growth.curve(inputs, unit, limits, shape), growth.capacity(inputs, unit, limits, shape)]
        theirs = in_browser(
            page,
            """["curve", "capacity"].map((name) => capmodel.growth[name](
                capmodel.deployment.Inputs(argument[0]), capmodel.unit_costs.postgresql,
                capmodel.shapes.Limits(argument[1]), capmodel.shapes.Shape(argument[2])))""",
            [translate.plain(item) for item in (inputs, limits, shape)],
        )
        for key, value in leaves(translate.plain(ours)).items():
            assert leaves(theirs)[key] == pytest.approx(value, rel=1e-12, abs=0.0), key


def test_the_compared_answers_cover_all_kinds(answers):
    """The draw would prove little if it held one kind of answer only."""
    found = [ours for _, ours, _ in answers]
    assert {ours[".parts.0.choice.holds"] for ours in found} == {True, False}
    assert len({ours[".parts.0.choice.shape.servers"] for ours in found}) >= 5
    assert len({ours[".parts.0.choice.shape.datastore_cores"] for ours in found}) >= 5
    assert {ours[".parts.length"] for ours in found} >= {1, 2, 3, 4}
    assert any(math.isinf(ours[".forecast.response_time_s.upper"]) for ours in found)
    full = [max(ours[f".forecast.{part}_utilization.estimate"] for part in ("server", "datastore")) for ours in found]
    assert any(0.99 < share <= 1.0 for share in full)
    for name in deployment.Inputs._fields:
        if name not in ("listed",):
            assert len({str(ours[f".parts.0.fleet.{name}"]) for ours in found}) > 1, name


def test_the_script_is_the_same_every_time_and_makes_no_code_from_text():
    text = translate.site_script(fitted())
    assert text == translate.site_script(fitted())
    assert "eval(" not in text
    assert "new Function" not in text
    assert "docstring" not in text
    assert text.startswith('(function () {\n"use strict";')
