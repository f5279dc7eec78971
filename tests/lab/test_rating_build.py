"""What a study's folder holds, and what it must not tell."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from rating_material import METHODS, ORIGINALS, draw_clip

from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.lab.rating import build
from lipblend.lab.rating.build import BuiltStudy, build_study
from lipblend.lab.rating.clips_to_rate import Source, pair_sources, single_sources
from lipblend.lab.rating.order import presentation
from lipblend.lab.rating.rating_page import page_text
from lipblend.lab.rating.study import COLUMNS, DETAILS, Study, read_key
from lipblend.video.probe import probe

SECRETS = (*METHODS, ORIGINALS, "giraffe", "take0", "x264", "Lavf", "Lavc", 'control"')


@pytest.fixture(scope="module")
def pairs(material: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltStudy:
    folders = [material / name for name in METHODS]
    return build_study(tmp_path_factory.mktemp("ab") / "study", pair_sources(folders, [], []), mode="ab", seed=7)


@pytest.fixture(scope="module")
def seams(material: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltStudy:
    sources = single_sources([material / name for name in METHODS], [material / ORIGINALS], [])
    return build_study(tmp_path_factory.mktemp("seam") / "study", sources, mode="seam", seed=7)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("which", ["pairs", "seams"])
def test_nothing_on_the_page_gives_a_name_away(which: str, request: pytest.FixtureRequest) -> None:
    built: BuiltStudy = request.getfixturevalue(which)
    found = everything(built.page)
    assert len(found) == (11 if which == "pairs" else 16)
    for name, data in found.items():
        for secret in SECRETS:
            assert secret.lower() not in name.lower()
            assert secret.lower().encode() not in data.lower(), f"{secret} in {name}"
    assert all(re.fullmatch(r"clips/c[0-9a-f]{8,}\.mp4|index\.html", name.replace("\\", "/")) for name in found)
    assert built.notes == ()
    # The sources themselves do carry such strings, so that the search above can fail.
    source = Path(built.study.trials[0].clips[0].source).read_bytes()
    assert b"x264" in source
    assert b"Lavf" in source


def test_dates_do_not_tell_the_order(pairs: BuiltStudy) -> None:
    assert {path.stat().st_mtime for path in (pairs.page, *pairs.page.rglob("*"))} == {946684800}


def test_the_same_material_gives_the_same_folder(pairs: BuiltStudy, material: Path, tmp_path: Path) -> None:
    sources = pair_sources([material / name for name in METHODS], [], [])
    again = build_study(tmp_path / "again", sources, mode="ab", seed=7)
    assert everything(again.page) == everything(pairs.page)
    assert again.key.read_bytes() == pairs.key.read_bytes()
    other = build_study(tmp_path / "other", sources, mode="ab", seed=8)
    assert other.study.study != pairs.study.study
    assert set(everything(other.page)) & set(everything(pairs.page)) == {"index.html"}


def test_each_rater_sees_each_method_as_a_equally_often(pairs: BuiltStudy) -> None:
    trials = pairs.study.trials
    for number in range(50):
        shown = presentation(pairs.study.study, pairs.study.seed, f"p{number}", len(trials))
        as_a = [trials[item.index].clips[item.swapped].label for item in shown]
        assert abs(as_a.count(METHODS[0]) - as_a.count(METHODS[1])) == 1  # five trials


def test_the_page_names_its_clips_in_an_order_that_says_nothing(seams: BuiltStudy) -> None:
    ids = [trial.trial for trial in seams.study.trials]
    assert ids == sorted(ids)
    controls = [trial.control for trial in seams.study.trials]
    assert controls != sorted(controls)
    assert sum(controls) == 5


def test_the_key_comes_back_as_it_was(pairs: BuiltStudy, seams: BuiltStudy) -> None:
    for built in (pairs, seams):
        assert read_key(built.key) == built.study
        assert built.key.parent == built.page.parent
        assert not list(built.page.rglob("*.json"))


def test_a_fault_page_has_texts_for_all_that_it_asks(material: Path, tmp_path: Path) -> None:
    sources = single_sources([material / METHODS[0]], [], [])
    built = build_study(tmp_path / "study", sources, mode="fault", seed=7)
    text = (built.page / "index.html").read_text(encoding="utf-8")
    block = re.search(r'<script type="application/json" id="study">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    data = json.loads(block[1])
    assert (data["mode"], data["details"]) == ("fault", {name: [*each] for name, each in DETAILS["fault"].items()})
    assert data["columns"] == [*COLUMNS, "when", "what"]
    assert "Does anything about the mouth or around it look wrong?" in text
    for name, choices in DETAILS["fault"].items():
        for word in (name, *choices):
            assert re.search(rf'\b{word}: "', text), f"no text for {word}"
    assert read_key(built.key) == built.study
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (material / METHODS[0]).iterdir()}
    assert {trial.clips[0].sha256 for trial in built.study.trials} == digests


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    title = "</script><script>alert(1)</script><!-- \u2028 {{ script }} & \"'"
    text = page_text({"title": title})
    assert text.count("<script") == 2
    assert text.count("</script>") == 2
    assert "alert(1)<" not in text
    block = re.search(r'<script type="application/json" id="study">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    assert json.loads(block[1]) == {"title": title}


def test_hostile_file_names_and_labels_do_not_reach_the_page(tmp_path: Path) -> None:
    names = ("=cmd()|<img src=x onerror=alert(1)>", "\u202etxt\x1b[31m")
    files = [draw_clip(tmp_path / f"{name}.mp4", grey=60 + 90 * k, sound=False) for k, name in enumerate(names)]
    sources = pair_sources(files, [], ["<b>one</b>", "=two"])
    built = build_study(tmp_path / "out", sources, mode="ab", seed=1)
    text = (built.page / "index.html").read_text(encoding="utf-8")
    assert "onerror=alert" not in text
    assert "<b>one" not in text
    assert read_key(built.key).trials[0].name == names[0]


def test_differences_of_a_pair_are_told(tmp_path: Path) -> None:
    first = draw_clip(tmp_path / "a.mp4", grey=60)
    second = draw_clip(tmp_path / "b.mp4", grey=60, size=(80, 48), frames=6, sound=False)
    notes = build_study(tmp_path / "x", pair_sources([first, second], [], []), mode="ab", seed=1).notes
    text = "\n".join(notes)
    for word in ("picture size (64x48, 80x48)", "sound", "0.48 s and 0.24 s"):
        assert word in text or word.replace("64x48, 80x48", "80x48, 64x48") in text or "0.24 s and 0.48 s" in text
    pairs = [(first, first), (first, draw_clip(tmp_path / "c.mp4", grey=90))]
    same = build_study(tmp_path / "y", pair_sources([], pairs, []), mode="ab", seed=1).notes
    assert sum("both files are the same" in note for note in same) == 1
    with pytest.raises(InputError, match="both files of every pair are the same"):
        build_study(tmp_path / "z", pair_sources([first, first], [], []), mode="ab", seed=1)
    assert not (tmp_path / "z").exists()


def test_without_sound(tmp_path: Path) -> None:
    first = draw_clip(tmp_path / "a.mp4", grey=60)
    built = build_study(tmp_path / "x", single_sources([first], [], []), mode="seam", seed=1, sound=False)
    (clip,) = (built.page / "clips").iterdir()
    assert probe(first).audio
    assert not probe(clip).audio


def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = draw_clip(tmp_path / "in" / "good.mp4", grey=60), tmp_path / "in" / "bad.mp4"
    bad.write_bytes(b"no video")
    with pytest.raises(InputError, match=r"bad\.mp4"):
        build_study(tmp_path / "out", pair_sources([good, bad], [], []), mode="ab", seed=1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "page_text", full)
    with pytest.raises(OutputError, match="No space left"):
        build_study(tmp_path / "out", single_sources([good], [], []), mode="seam", seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, material: Path) -> None:
    sources = single_sources([material / METHODS[0]], [], [])
    out = tmp_path / "out"
    out.mkdir()
    (out / "key.json").write_text("precious")
    with pytest.raises(OutputError, match="not empty"):
        build_study(out, sources, mode="seam", seed=1)
    assert (out / "key.json").read_text() == "precious"
    with pytest.raises(OutputError, match="not a folder"):
        build_study(out / "key.json", sources, mode="seam", seed=1)
    with pytest.raises(OutputError, match="does not exist"):
        build_study(tmp_path / "no" / "such", sources, mode="seam", seed=1)
    (tmp_path / "empty").mkdir()
    assert build_study(tmp_path / "empty", sources, mode="seam", seed=1).key.is_file()


def names(sources: list[tuple[Source, ...]]) -> list[tuple[str, ...]]:
    return [(trial[0].name, *(source.label for source in trial)) for trial in sources]


def test_folders_go_together_by_name(tmp_path: Path) -> None:
    for name in ("one/a.mp4", "one/b.mkv", "two/a.mp4", "two/b.mp4", "one/notes.txt", "one/.hidden.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    one, two = tmp_path / "one", tmp_path / "two"
    found = pair_sources([one, two], [], [])
    assert names(found) == [("a", "one", "two"), ("b", "one", "two")]
    assert names(pair_sources([one, two], [], ["x", "y"]))[0] == ("a", "x", "y")
    assert names(pair_sources([], [(one / "a.mp4", two / "b.mp4")] * 2, [])) == [
        ("one/a", "first", "second"), ("one/a (2)", "first", "second"),
    ]  # fmt: skip
    assert names(pair_sources([], [(one / "a.mp4", two / "b.mp4"), (two / "a.mp4", one / "b.mkv")], ["x", "y"])) == [
        ("one/a", "x", "y"), ("two/a", "x", "y"),
    ]  # fmt: skip
    (one / "c.mp4").touch()
    with pytest.raises(InputError, match="1 file") as raised:
        pair_sources([one, two], [], [])
    assert raised.value.details == (f"{one / 'c.mp4'} has no counterpart in {two}",)
    (one / "a.mov").touch()
    with pytest.raises(InputError, match="differ only in their suffix"):
        pair_sources([one, two], [], [])


def test_single_clips_and_controls(tmp_path: Path) -> None:
    for name in ("one/a.mp4", "two/a.mp4", "raw/a.mp4", "loose.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    one, two, raw = tmp_path / "one", tmp_path / "two", tmp_path / "raw"
    found = single_sources([one, two, tmp_path / "loose.mp4"], [raw], [])
    assert names(found) == [("one/a", "one"), ("two/a", "two"), ("clips/loose", "clips"), ("control/a", "control")]
    assert [trial[0].control for trial in found] == [False, False, False, True]
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "a.mp4").touch()
    with pytest.raises(SettingsError, match="untouched originals"):
        single_sources([tmp_path / "control"], [], [])


@pytest.mark.parametrize(
    ("paths", "labels", "message"),
    [
        ([], [], "no videos to compare"),
        (["one"], [], "1 are named"),
        (["one", "one/a.mp4"], [], "not both folders or both files"),
        (["one", "two"], ["x"], "1 label"),
        (["one", "two"], ["x", "x"], "not all different"),
        (["one", "two"], ["x", " "], "not all different"),
    ],
)
def test_wrong_pairs(tmp_path: Path, paths: list[str], labels: list[str], message: str) -> None:
    for name in ("one/a.mp4", "two/a.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(SettingsError, match=message):
        pair_sources([tmp_path / path for path in paths], [], labels)


def test_folders_without_videos(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contains no video"):
        single_sources([tmp_path], [], [])
    with pytest.raises(SettingsError, match="no videos to rate"):
        single_sources([], [], [])


def damaged(study: Study, key: Path, change: str) -> str:
    data = json.loads(key.read_text())
    if change == "mode":
        data["mode"] = "other"
    elif change == "one clip":
        data["trials"][0]["clips"].pop()
    elif change == "no trials":
        del data["trials"]
    elif change == "doubled":
        data["trials"].append(data["trials"][0])
    elif change == "labels":
        data["labels"] = ["a", "b"]
    elif change == "format":
        data["lipblend_ab_key"] = 9
    elif change == "list":
        data = [data]
    return json.dumps(data) if change != "text" else key.read_text()[:-9]


@pytest.mark.parametrize(
    ("change", "message"),
    [("mode", "mode is 'other'"), ("one clip", "needs 2 clip"), ("no trials", "KeyError"), ("doubled", "same id"),
     ("labels", "one clip of each"), ("format", "key format 9"), ("list", "not a key file"), ("text", "is not JSON")],
)  # fmt: skip
def test_damaged_keys(pairs: BuiltStudy, tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(damaged(pairs.study, pairs.key, change))
    with pytest.raises(InputError, match=message) as raised:
        read_key(path)
    assert str(path) in raised.value.message


@pytest.mark.parametrize(("name", "message"), [("key.json", "does not exist"), (".", "cannot be read")])
def test_missing_keys(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_key(tmp_path / name)
