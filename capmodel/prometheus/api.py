"""Prometheus' HTTP API, as Prometheus, Thanos, Mimir and VictoriaMetrics answer it."""

from __future__ import annotations

import base64
import email.utils
import http.client
import ipaddress
import json
import math
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from capmodel.prometheus.scrapes import Labels

TOKEN, USER, PASSWORD = "CAPMODEL_PROMETHEUS_TOKEN", "CAPMODEL_PROMETHEUS_USER", "CAPMODEL_PROMETHEUS_PASSWORD"

#: Series that one question may be about. A server has a few hundred.
MOST_SERIES = 100_000
#: Points of a series in one answer; Prometheus refuses more than 11 000.
MOST_POINTS = 5000
_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
_TIMEOUT_S = 30.0
_MOST_BYTES = 512 * 1024 * 1024
#: A question longer than this goes in the body, since addresses have a limit; shorter ones in the address, since some
#: gateways let pass nothing else.
_LONGEST_ADDRESS = 4000
_AGAIN = (429, 502, 503, 504)


class Series(NamedTuple):
    """One series of an answer.

    Attributes
    ----------
    labels : dict of str to str
        With ``__name__``, where it has a name.
    points : list of (float, float)
        Unix seconds and value.
    """

    labels: dict[str, str]
    points: list[tuple[float, float]]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow nothing: a redirect leads to a login page, and would carry the credentials along."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True)
class Api:
    """Where to ask.

    Parameters
    ----------
    url : str
        Address of the server, with the path that comes before ``/api/v1`` if there is one.
    environment : mapping, optional
        Where the credentials are: a bearer token in ``CAPMODEL_PROMETHEUS_TOKEN``, or a user and password in
        ``CAPMODEL_PROMETHEUS_USER`` and ``CAPMODEL_PROMETHEUS_PASSWORD``. The process's own by default.
    timeout_s : float
        Longest wait for the server's next bytes.
    pause : callable
        What waits between attempts.

    Raises
    ------
    ValueError
        If the address is none, or has credentials in it.
    """

    url: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    timeout_s: float = _TIMEOUT_S
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"prometheus: got {self.url!r}, expected an address such as https://prometheus.example.org"
            )
        if parts.username or parts.password:
            raise ValueError(f"prometheus: expected an address without credentials; give them in {TOKEN} or {USER}")

    def query(self, expression: str, time_s: float) -> list[Series]:
        """Ask for the values of an expression at one time.

        Parameters
        ----------
        expression : str
            In PromQL.
        time_s : float
            Unix seconds.

        Returns
        -------
        list of Series
            One point each.

        Raises
        ------
        ConnectionError, TimeoutError, PermissionError
            If the server does not answer, not in time, or not to us.
        ValueError
            If what it answers is an error or no answer to the question.
        """
        return self._ask("query", {"query": expression, "time": _number(time_s)}, "vector")

    def query_range(self, expression: str, times: Sequence[float]) -> list[Series]:
        """Ask for the values of an expression at many times.

        Parameters
        ----------
        expression : str
            In PromQL.
        times : sequence of float
            Unix seconds, two or more, evenly spaced.

        Returns
        -------
        list of Series
            Points at those of the times at which there is a value.

        Raises
        ------
        As :meth:`query`.
        """
        found: dict[Labels, Series] = {}
        step = times[1] - times[0]
        for part in range(0, len(times), MOST_POINTS):
            chunk = times[part : part + MOST_POINTS]
            question = {
                "query": expression,
                "start": _number(chunk[0]),
                # A little more than the last time, lest rounding lose it.
                "end": _number(chunk[-1] + 0.001 * step),
                "step": _number(step),
            }
            for series in self._ask("query_range", question, "matrix"):
                key = frozenset(series.labels.items())
                found.setdefault(key, Series(series.labels, [])).points.extend(series.points)
        return list(found.values())

    def _ask(self, path: str, question: dict[str, str], kind: str) -> list[Series]:
        answer = self._json(path, question)
        if answer.get("status") != "success":
            raise ValueError(
                f"{self._host}: {answer.get('errorType', 'error')}: {answer.get('error', 'no reason given')}"
            )
        data: Any = answer.get("data")
        try:
            if data["resultType"] != kind:
                raise ValueError(f"{self._host}: got a result of type {data['resultType']!r}, expected {kind!r}")
            points = "value" if kind == "vector" else "values"
            series = [
                Series(
                    dict(part["metric"]),
                    [(float(at), float(value)) for at, value in ([part[points]] if kind == "vector" else part[points])],
                )
                for part in data["result"]
            ]
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{self._host}: expected a result as Prometheus' HTTP API has it ({error!r} fails)"
            ) from None
        if len(series) > MOST_SERIES:
            raise too_many(len(series))
        return series

    @property
    def _host(self) -> str:
        return urllib.parse.urlsplit(self.url).netloc

    def _json(self, path: str, question: dict[str, str]) -> dict[str, Any]:
        body = self._get(f"{self.url.rstrip('/')}/api/v1/{path}", urllib.parse.urlencode(question))
        text = body.decode("utf-8", errors="replace").lstrip()
        if text.startswith("<"):
            raise ValueError(f"{self._host}: got a web page, expected JSON (a login page, or a path before /api/v1?)")
        try:
            answer = json.loads(text)
        except ValueError:
            raise ValueError(f"{self._host}: got {text[:60]!r}, expected JSON") from None
        if not isinstance(answer, dict):
            raise ValueError(f"{self._host}: got {text[:60]!r}, expected a JSON object")
        return answer

    def _get(self, address: str, question: str) -> bytes:
        """Return the body of an answer, asking again while the server is busy or out of reach."""
        long = len(address) + len(question) > _LONGEST_ADDRESS
        request = urllib.request.Request(
            address if long else f"{address}?{question}",
            data=question.encode() if long else None,
            headers={"Accept": "application/json", "User-Agent": "capmodel", **self._credentials()},
        )
        attempt = 0
        while True:
            attempt += 1
            last = attempt == _ATTEMPTS
            wait_s = _FIRST_PAUSE_S * 2.0 ** (attempt - 1)
            try:
                with self._opener().open(request, timeout=self.timeout_s) as answer:
                    body: bytes = answer.read(_MOST_BYTES + 1)
                    if len(body) > _MOST_BYTES:
                        raise ValueError(
                            f"{self._host}: the answer is too long, expected fewer series (use a selector)"
                        )
                    if answer.length:
                        raise http.client.IncompleteRead(body, answer.length)
                    return body
            except urllib.error.HTTPError as error:
                if error.code not in _AGAIN or last:
                    raise _refusal(self._host, error) from None
                wait_s = _asked_wait(error.headers.get("Retry-After"), wait_s)
            except TimeoutError:
                if last:
                    raise TimeoutError(f"{self._host}: no answer within {self.timeout_s:g} s") from None
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
                reason = getattr(error, "reason", error)
                if isinstance(reason, ssl.SSLError):
                    raise ConnectionError(f"{self._host}: its certificate is not accepted ({reason})") from None
                if last:
                    what = f"no answer within {self.timeout_s:g} s" if isinstance(reason, TimeoutError) else str(reason)
                    raise (TimeoutError if isinstance(reason, TimeoutError) else ConnectionError)(
                        f"{self._host}: {what}"
                    ) from None
            self.pause(wait_s)

    def _credentials(self) -> dict[str, str]:
        token, user = self.environment.get(TOKEN), self.environment.get(USER)
        if token:
            return {"Authorization": f"Bearer {token}"}
        if user:
            pair = f"{user}:{self.environment.get(PASSWORD, '')}"
            return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        return {}

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if _loopback(urllib.parse.urlsplit(self.url).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))
        # The default context verifies certificates and host names.
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
        return urllib.request.build_opener(*handlers)


def too_many(number: float) -> ValueError:
    """Return the error of a question about too many series."""
    return ValueError(
        f"prometheus: {number:.0f} series match, expected at most {MOST_SERIES} (narrow them with a selector such as "
        'job="spire-server")'
    )


def _refusal(host: str, error: urllib.error.HTTPError) -> Exception:
    """Return what to raise for an answer that is none."""
    detail = ""
    try:
        answer = json.loads(error.read(100_000))
        detail = f": {answer['error']}"
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        pass
    if error.code in (401, 403):
        return PermissionError(
            f"{host}: answered {error.code}{detail}; expected credentials in {TOKEN}, or in {USER} and {PASSWORD}"
        )
    if 300 <= error.code < 400:
        where = urllib.parse.urlsplit(error.headers.get("Location") or "").netloc or "another page"
        return ValueError(f"{host}: redirects to {where}, expected the address of the API itself (a login page?)")
    if error.code == 404:
        return ValueError(f"{host}: answered 404, expected the API below the address (a path before /api/v1?)")
    if error.code in _AGAIN:
        return ConnectionError(f"{host}: answered {error.code} {_ATTEMPTS} times{detail}")
    return ValueError(f"{host}: answered {error.code}{detail}")


def _asked_wait(header: str | None, otherwise_s: float) -> float:
    """Return the pause that a server asks for: seconds, or a date."""
    if not header:
        return otherwise_s
    try:
        wait_s = float(header)
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return otherwise_s
    return min(max(wait_s, 0.0), _LONGEST_PAUSE_S) if math.isfinite(wait_s) else otherwise_s


def _loopback(host: str) -> bool:
    """Tell whether a host is this machine, which no proxy stands before."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number(value: float) -> str:
    return f"{value:.3f}"
