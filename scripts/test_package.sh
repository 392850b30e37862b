#!/usr/bin/env bash
# Test the package as users install it: a wheel in an environment of its own, the README's example first.
#   bash scripts/test_package.sh current   # the newest versions of its dependencies
#   bash scripts/test_package.sh lowest    # the oldest that pyproject.toml allows
# PYTHON names the interpreter, python3 by default.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
constraints=$folder/constraints.txt
case ${1:-current} in
  current) : > "$constraints" ;;
  lowest) "$python" scripts/lowest.py > "$constraints" ;;
  *) echo "test_package: got '$1', expected current or lowest" >&2; exit 2 ;;
esac
"$python" -m venv "$folder/venv"
bin=$folder/venv/bin
"$bin/pip" install --quiet --disable-pip-version-check hatchling
"$bin/python" -m hatchling build -t wheel -d "$folder" > /dev/null
wheel=$(ls "$folder"/*.whl)
du -k "$wheel" | cut -f1 | sed 's/$/ kB in the wheel/'
# Nothing but what the package itself asks for.
"$bin/pip" install --quiet --disable-pip-version-check -c "$constraints" "$wheel"
"$python" - README.md > "$folder/quickstart.py" <<'QUICKSTART'
import re, sys
print("\n".join(re.findall(r"^```python\n(.*?)^```", open(sys.argv[1], encoding="utf-8").read(), flags=re.M | re.S)))
QUICKSTART
(cd "$folder" && "$bin/python" quickstart.py && "$bin/capmodel" size --agents 5000 --workloads 10000 > /dev/null && \
  "$bin/capmodel" import --help > /dev/null)
echo "the README's example runs"
"$bin/pip" install --quiet --disable-pip-version-check -c "$constraints" "$wheel[charts,prometheus]" hypothesis mpmath \
  pytest pytest-xdist pyyaml
"$bin/pytest" -n auto --dist loadfile -p no:cacheprovider tests/test_datasets.py tests/test_queueing.py \
  tests/test_queueing_networks.py tests/test_spire.py tests/test_deployment.py tests/test_topology.py tests/test_plan.py \
  tests/test_costs.py tests/test_sizing.py tests/test_validation.py tests/test_memory.py tests/test_machine.py \
  tests/test_prometheus_scrapes.py tests/test_cli.py
"$bin/pytest" -n auto -p no:cacheprovider tests/test_package.py -k examples_run
