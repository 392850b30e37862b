"""The same rows from a real Prometheus as from the text: its blocks are made from the shipped scrapes."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
from prometheus_pages import SCRAPES, given_for, pair, times

from capmodel.prometheus import import_api, import_scrapes

PROGRAMS = ("prometheus", "promtool")


@pytest.fixture(scope="session")
def programs(request):
    """Return where Prometheus' programs are: installed, or unpacked from the distribution's package into the cache.

    The package is unpacked and not installed, since installing it would start a service.
    """
    found = [shutil.which(name) for name in PROGRAMS]
    if all(found):
        return found
    folder = Path(request.config.cache.mkdir("prometheus"))
    unpacked = [folder / "usr" / "bin" / name for name in PROGRAMS]
    if not all(path.is_file() for path in unpacked):
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            pytest.skip("no Prometheus here, and no apt-get to have it from")
        if os.geteuid() == 0:
            subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False, timeout=120)
        got = subprocess.run(
            ["apt-get", "download", "-qq", "prometheus"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        packages = list(folder.glob("prometheus_*.deb"))
        if got.returncode or not packages:
            pytest.skip(f"no Prometheus here, and the distribution has none to download: {got.stderr.strip()[-200:]}")
        subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True)
        packages[0].unlink()
    return unpacked


@pytest.fixture(scope="session")
def prometheus(programs, tmp_path_factory):
    """Start a Prometheus that has the shipped scrapes, each as a target of its own; yield its address."""
    folder = tmp_path_factory.mktemp("prometheus")
    text = folder / "scrapes.txt"
    text.write_text(openmetrics())
    storage = folder / "storage"
    subprocess.run(
        [programs[1], "tsdb", "create-blocks-from", "openmetrics", text, storage], check=True, capture_output=True
    )
    configuration = folder / "prometheus.yml"
    configuration.write_text("global: {}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [f"--config.file={configuration}", f"--storage.tsdb.path={storage}", f"--web.listen-address={address}"]
    words.append("--storage.tsdb.retention.time=100y")
    with (folder / "log").open("w") as log, subprocess.Popen([programs[0], *words], stdout=log, stderr=log) as server:
        try:
            wait_for(f"http://{address}/-/ready", server, folder / "log")
            yield f"http://{address}"
        finally:
            server.terminate()


def wait_for(address, server, log):
    for _ in range(300):
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


def openmetrics():
    """Write the shipped scrapes with their times, as Prometheus would have stored them."""
    lines = []
    for row in SCRAPES:
        own = f'instance="{row["name"]}:9988",job="spire-server"'
        for path, time_s in zip(pair(row["name"]), times(row), strict=True):
            for line in path.read_text().splitlines():
                if line.startswith("#"):
                    continue
                series, value = line.rsplit(" ", 1)
                name, _, labels = series.partition("{")
                inside = f"{labels.removesuffix('}')},{own}" if labels else own
                lines.append((name, f"{name}{{{inside}}} {value} {time_s}"))
    return "\n".join(line for _, line in sorted(lines, key=lambda pair: pair[0])) + "\n# EOF\n"


@pytest.mark.parametrize("row", SCRAPES, ids=lambda row: row["name"])
def test_the_same_rows_come_from_text_and_from_prometheus(prometheus, row):
    text = import_scrapes(pair(row["name"]), times(row), given_for(row))
    start, end = times(row)
    # Prometheus keeps milliseconds, and finds the scrape before the time that it is asked for.
    made = import_api(prometheus, start + 0.5, end + 0.5, given_for(row), selector=f'instance="{row["name"]}:9988"')
    exact = ["run_id", "window_s"]
    pd.testing.assert_frame_equal(made.frame.drop(columns=exact), text.frame.drop(columns=exact), rtol=1e-9)
    assert made.frame["window_s"].item() == pytest.approx(text.frame["window_s"].item(), abs=0.0021)
    assert made.frame["run_id"].item().startswith(row["name"])
    assert made.kind == text.kind


def test_four_servers_at_once_give_their_rows(prometheus):
    first = min(times(row)[0] for row in SCRAPES)
    last = max(times(row)[1] for row in SCRAPES)
    made = import_api(prometheus, first, last + 1.0, step="1s", shape="sync")
    rates = dict(
        zip(made.frame["run_id"].str.split(":").str[0], made.frame["operations"] / made.frame["window_s"], strict=True)
    )
    assert rates == pytest.approx({row["name"]: row["sync_per_s"] for row in SCRAPES}, rel=0.05)


def test_prometheus_own_refusal_is_passed_on(prometheus):
    with pytest.raises(ValueError, match="parse error"):
        import_api(prometheus, times(SCRAPES[0])[0], times(SCRAPES[0])[1], selector="job=")
