"""Series of small pairs, with one cache of analyses for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from batch_runs import Series
from dask_cluster import OTHER_CODE, STRIKES, Cluster
from remote_places import Place, filled

from lipblend.batch.remote.remote_files import RemoteOptions
from lipblend.selfcheck.sample import SamplePair
from tests.made import Shared
from tests.object_store import ObjectStore, object_store


@pytest.fixture(scope="session")
def batch_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("analyses")


@pytest.fixture(scope="session")
def small_pairs(shared_material: Shared) -> dict[str, SamplePair]:
    """Three pairs of ten frames."""
    return {name: shared_material.sample(frames=10, size=192, seed=seed) for seed, name in enumerate("abc", 1)}


@pytest.fixture(scope="session")
def long_pair(shared_material: Shared) -> SamplePair:
    """48 frames: four segments of 12."""
    return shared_material.sample(frames=48, size=192)


@pytest.fixture
def series(small_pairs: dict[str, SamplePair], batch_cache: Path, tmp_path: Path) -> Series:
    """A list of the small pairs, written."""
    made = Series(tmp_path / "series", batch_cache, small_pairs)
    made.folder.mkdir()
    made.write()
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A server with a bucket, films."""
    folder = tmp_path_factory.mktemp("store") / "objects"
    folder.mkdir()
    with object_store(folder) as running:
        running.make_bucket("films")
        yield running


@pytest.fixture
def bucket(store: ObjectStore, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A bucket of its own with two inputs."""
    name = f"bucket-{abs(hash(request.node.name)) % 10**9}"
    store.make_bucket(name)
    store.requests.clear()
    return filled(Place(f"s3://{name}", store.options(tmp_path / "scratch")))


@pytest.fixture(params=["s3", "memory", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path, emptied_memory: None) -> Place:
    """Each kind of store."""
    if request.param == "s3":
        found: Place = request.getfixturevalue("bucket")
        return found
    options = RemoteOptions(scratch=tmp_path / "scratch")
    root = f"memory://m{tmp_path.name}" if request.param == "memory" else f"file://{tmp_path / 'files'}"
    return filled(Place(root, options))


@pytest.fixture
def emptied_memory() -> Iterator[None]:
    yield
    fsspec.filesystem("memory").store.clear()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    (made.folder / "other_code.py").write_text(OTHER_CODE, encoding="utf-8")
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def two(cluster: Cluster, strikes: Path) -> Cluster:
    """The cluster with two workers, whose jobs can be struck."""
    told = {"LIPBLEND_STRUCK_FOLDER": str(strikes), "LIPBLEND_STRUCK": json.dumps(STRIKES)}
    while len(cluster.workers) < 2:
        cluster.add_worker("--preload", "struck_child", **told)
    return cluster


@pytest.fixture(scope="module")
def strikes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strikes")
