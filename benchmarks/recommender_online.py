"""Features offline and online beside each other, look-ups, and the endpoint under one caller."""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np

from benchmarks.served import free_port, serve
from groundwork.classic.recommender.features.definitions import FILM, USER
from groundwork.classic.recommender.features.online import SqliteFeatures
from groundwork.classic.recommender.features.records import to_bytes
from groundwork.classic.recommender.features.store import FeatureStore, Moments
from groundwork.classic.recommender.generate import write
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.core.settings import Settings

REQUESTS = 10_000
_MOMENTS = 5
_ROOT = Path(__file__).resolve().parents[1]


def online(settings: Settings, ratings: Ratings, films: Films) -> None:
    """Print the figures."""
    del settings
    with TemporaryDirectory() as folder:
        replay(Path(folder), ratings, films)
        endpoint(Path(folder), ratings, films)


def replay(folder: Path, ratings: Ratings, films: Films) -> None:
    """Requests at moments of the past: the online store as it was then, and the join in time for then."""
    store = FeatureStore(folder / "feast")
    began = time.process_time()
    store.write(ratings, films)
    print(f"\nOffline tables written in {time.process_time() - began:.1f} CPU-s")
    rng = np.random.default_rng(1)
    differ = missing = 0
    took: list[float] = []
    for share in np.linspace(0.2, 1.0, _MOMENTS):
        at = int(np.quantile(ratings.at, share))
        began = time.process_time()
        store.materialise(at, folder / "online.db")
        materialised = time.process_time() - began
        reader = SqliteFeatures(folder / "online.db")
        for view, ids in ((USER, np.unique(ratings.user)), (FILM, films.ids)):
            keys = rng.choice(ids, REQUESTS // _MOMENTS // 2)
            offline = store.at(view, Moments(keys, np.full(len(keys), at)))
            for key, record in zip(keys.tolist(), offline, strict=True):
                start = time.perf_counter()
                found = reader.read(view, key)
                if view is USER:
                    took.append(time.perf_counter() - start)
                differ += to_bytes(view, found) != to_bytes(view, record)
                missing += record is None
        reader.close()
    print(
        f"{REQUESTS:,} requests replayed at {_MOMENTS} moments: {differ} differ between offline and online, "
        f"{missing:,} were of somebody or something unknown then; the last materialisation took {materialised:.1f} CPU-s"
    )
    found_in = np.percentile(np.array(took) * 1000, [50, 99])
    print(f"A person's features online: p50 {found_in[0]:.3f} ms, p99 {found_in[1]:.3f} ms")
    store.close()


def endpoint(folder: Path, ratings: Ratings, films: Films) -> None:
    """A server in a process of its own, one caller with one connection."""
    write(folder / "data", ratings, films)
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.recommender_served", str(folder), str(port)]
    users = np.unique(ratings.user)
    with serve(command, port, "/healthz", _ROOT) as server:
        caller = http.client.HTTPConnection(urlsplit(server.root).netloc, timeout=60)
        bodies = [json.dumps({"user": int(users[n % len(users)]), "k": 10}) for n in range(1200)]
        explained = [body.replace("}", ', "explain": true}') for body in bodies]
        seen = [
            {"film": int(film), "rating": 4.5}
            for film in ratings.film[ratings.user == users[0]][:50]
        ]
        cases = {
            "a known user": bodies,
            "a known user, with reasons": explained,
            "50 ratings": [json.dumps({"ratings": seen})] * 600,
            "nobody": ["{}"] * 600,
        }
        print("\n| POST /v1/recommendations for | p50 ms | p95 ms | p99 ms | CPU ms |")
        print("|---|---|---|---|---|")
        for name, asked in cases.items():
            _ask(caller, asked[:100])
            before = server.cpu_seconds()
            took = np.percentile(_ask(caller, asked[100:]), [50, 95, 99])
            cpu = 1000 * (server.cpu_seconds() - before) / (len(asked) - 100)
            print(
                f"| {name} | {took[0]:.2f} | {took[1]:.2f} | {took[2]:.2f} | {cpu:.2f} |",
                flush=True,
            )
        caller.close()


def _ask(caller: http.client.HTTPConnection, bodies: list[str]) -> list[float]:
    """Milliseconds of each request."""
    took = []
    for body in bodies:
        began = time.perf_counter()
        caller.request("POST", "/v1/recommendations", body, {"content-type": "application/json"})
        response = caller.getresponse()
        content = response.read()
        took.append((time.perf_counter() - began) * 1000)
        if response.status != http.client.OK:
            raise RuntimeError(content.decode()[:500])
    return took
