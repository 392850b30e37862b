"""Metrics pages as SPIRE writes them, with any counts, and a small server that answers as Prometheus' HTTP API does."""

import json
import re
import threading
import urllib.parse
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from capmodel.datasets import data_path, load_scrape_index
from capmodel.prometheus import Setup

#: A moment after the shipped scrapes.
T0 = 1795500000.0
SCRAPES = [row._asdict() for row in load_scrape_index().itertuples(index=False)]


#: What the metrics do not tell of the pages made here: real agents on one server.
FULL = Setup(
    datastore="postgresql",
    agents=83,
    entries=8300,
    entries_per_agent=100,
    selectors_per_entry=2,
    node_selectors_per_agent=0,
    ca_key_type="ec-p256",
    sync_interval_s=5.0,
    cores=2,
)


def given_for(row, **others):
    """Return what the metrics of a shipped scrape do not tell."""
    own = {name: row[name] for name in ("spire_version", "datastore", "entries_per_agent", "concurrency")}
    return Setup(**{**vars(FULL), "sync_interval_s": None, "think_time_s": 0.0, **own, **others})


def pair(name):
    """Return the two scrapes of a window whose work is known."""
    return [data_path(f"scrapes/{name}.{edge}.prom") for edge in ("before", "after")]


def times(row):
    return [row["before_unix_s"], row["after_unix_s"]]


def page(
    counters, *, at=60.0, started=T0 - 1000.0, cpu_s=None, version="1_15_3", labels='host="a",status="OK"', extra=""
):
    """Write a metrics page.

    ``counters`` holds each call's count, or count and milliseconds; ``at`` is the age of the window in seconds.
    """
    lines = ["# HELP go_goroutines x", "# TYPE go_goroutines gauge", "go_goroutines 80"]

    def add(name, kind, *samples):
        lines.append(f"# HELP {name} {name}")
        lines.append(f"# TYPE {name} {kind}")
        lines.extend(samples)

    add(
        "process_cpu_seconds_total",
        "counter",
        f"process_cpu_seconds_total {100 + at * 0.5 if cpu_s is None else cpu_s}",
    )
    add("process_resident_memory_bytes", "gauge", "process_resident_memory_bytes 1.2e+08")
    if started is not None:
        add("process_start_time_seconds", "gauge", f"process_start_time_seconds {started}")
    for name, value in sorted(counters.items()):
        count, milliseconds = value if isinstance(value, tuple) else (value, 2.0 * value)
        full = f"spire_server_{name}"
        add(full, "counter", f"{full}{{{labels}}} {count}")
        timed = f"{full}_elapsed_time"
        add(
            timed,
            "summary",
            *(f'{timed}{{{labels},quantile="{quantile}"}} NaN' for quantile in (0.5, 0.9, 0.99)),
            f"{timed}_sum{{{labels}}} {milliseconds}",
            f"{timed}_count{{{labels}}} {count}",
        )
    add("spire_server_runtime_alloc_bytes", "gauge", 'spire_server_runtime_alloc_bytes{host="a"} 1e+07')
    if version:
        add("spire_server_started", "gauge", f'spire_server_started{{host="a",version="{version}"}} 1')
    return "\n".join(lines) + "\n" + extra


#: What a sync of today's agents counts.
def syncs(count, milliseconds=2.0):
    calls = ("rpc_entry_v1_entry_sync_authorized_entries", "rpc_bundle_v1_bundle_get_bundle")
    return dict.fromkeys(calls, (count, milliseconds * count)) | {"entry_cache_reload": 10}


class Answers:
    """Answers of an HTTP server, one after the other; the last one stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def next(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def success(result, kind="vector"):
    return 200, {}, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


@contextmanager
def serve(answer):
    """Serve ``answer(path, question, headers)`` -> (status, headers, body) on this machine; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(urllib.parse.urlsplit(self.path).query)

        def do_POST(self):
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, query):
            question = {key: values[0] for key, values in urllib.parse.parse_qs(query).items()}
            status, headers, body = answer(urllib.parse.urlsplit(self.path).path, question, dict(self.headers))
            body = body.encode() if isinstance(body, str) else body
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def samples_of(text):
    """Read the series of a page without the package's own reader: name, labels and value as written."""
    for line in text.splitlines():
        if not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            name, _, inside = series.partition("{")
            yield name, dict(re.findall(r'(\w+)="([^"]*)"', inside)), value


class Store:
    """Scrapes of targets, found by the questions that the importer asks: a Prometheus of few words."""

    def __init__(self):
        self.points = []

    def add(self, time_s, target, text):
        for name, labels, value in samples_of(text):
            self.points.append((time_s, {"__name__": name, **labels, **target}, value))
        return self

    def __call__(self, path, question, headers):
        expression = question["query"]
        outer = re.match(r"(count|max\(timestamp|timestamp)\(", expression)
        selector = expression[outer.end() :].rstrip(")") if outer else expression
        if path.endswith("/query"):
            found = self._at(selector, float(question["time"]))
            result = [{"metric": {}, "value": [float(question["time"]), str(len(found))]}] if found else []
            return success(result)
        start, end, step = (float(question[key]) for key in ("start", "end", "step"))
        series = {}
        at = start
        while at <= end + 1e-9:
            for labels, (time_s, value) in self._at(selector, at).items():
                point = [at, str(time_s) if outer else value]
                kept = () if outer and "max" in outer[1] else labels if not outer else _unnamed(labels)
                series.setdefault(kept, {})[at] = point
            at += step
        result = [{"metric": dict(labels), "values": list(points.values())} for labels, points in series.items()]
        return success(result, "matrix")

    def _at(self, selector, at):
        name, _, inside = selector.partition("{")
        matchers = re.findall(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"', inside)
        if name:
            matchers.append(("__name__", "=", name))
        last = {}
        for time_s, labels, value in sorted(self.points, key=lambda point: point[0]):
            if at - 300 < time_s <= at and all(
                _matches(labels.get(key, ""), sign, text) for key, sign, text in matchers
            ):
                last[tuple(sorted(labels.items()))] = (time_s, value)
        return last


def _unnamed(labels):
    return tuple(pair for pair in labels if pair[0] != "__name__")


def _matches(value, sign, text):
    text = text.replace("\\\\", "\\").replace('\\"', '"')
    same = re.fullmatch(text, value) is not None if "~" in sign else value == text
    return not same if sign.startswith("!") else same
