"""Wildcards and {name}: which files belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipblend.batch.listing.job_templates import clip_name, fill, find_pairs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three originals, of which one's name begins with that of another, and their synced videos."""
    files = ["o/a.mp4", "o/a_b.mp4", "o/c.mp4", "s/a_de.mp4", "s/a_en.mp4", "s/a_b_de.mp4", "s/c_de.mp4"]
    for name in [*files, "s/.hidden_de.mp4", "t/a/take.mp4", "t/c/take.mp4", "u/c/lips.mp4", "u/a/lips.mp4"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "s" / "folder_de.mp4").mkdir()
    return tmp_path


def pairs(folder: Path, original: str, synced: str, **more: str) -> list[tuple[str, str, str]]:
    found, problems = find_pairs(original, synced, folder, **more)  # type: ignore[arg-type]
    assert problems == []
    return [(pair.original, pair.synced, pair.name) for pair in found]


def problem(folder: Path, original: str, synced: str, **more: str) -> str:
    found, problems = find_pairs(original, synced, folder, **more)  # type: ignore[arg-type]
    assert len(problems) == 1, (found, problems)
    return problems[0]


def test_each_synced_video_goes_to_the_longest_name_that_fits(folder: Path) -> None:
    assert pairs(folder, "o/{name}.mp4", "s/{name}_*.mp4") == [
        ("o/a.mp4", "s/a_de.mp4", "a"),
        ("o/a.mp4", "s/a_en.mp4", "a"),
        ("o/a_b.mp4", "s/a_b_de.mp4", "a_b"),
        ("o/c.mp4", "s/c_de.mp4", "c"),
    ]


def test_without_a_name_in_the_original_it_is_the_stem(folder: Path) -> None:
    assert pairs(folder, "o/*.mp4", "s/{name}_*.mp4") == pairs(folder, "o/{name}.mp4", "s/{name}_*.mp4")


def test_a_name_may_be_a_folder(folder: Path) -> None:
    assert pairs(folder, "t/{name}/take.mp4", "u/{name}/lips.mp4") == [
        ("t/a/take.mp4", "u/a/lips.mp4", "a"),
        ("t/c/take.mp4", "u/c/lips.mp4", "c"),
    ]
    assert [name for *_, name in pairs(folder, "**/{name}/take.mp4", "u/{name}/*.mp4")] == ["a", "c"]


def test_the_same_name_twice_is_the_same_text(folder: Path) -> None:
    for name in ("v/a/a.mp4", "v/a/c.mp4", "w/a-a.mp4", "w/a-c.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "w" / "a-c.mp4").unlink()
    assert pairs(folder, "v/{name}/{name}.mp4", "w/{name}-{name}.mp4") == [("v/a/a.mp4", "w/a-a.mp4", "a")]


def test_one_original_may_have_many_synced_videos(folder: Path) -> None:
    assert [name for *_, name in pairs(folder, "o/a.mp4", "s/a_{name}.mp4")] == ["b_de", "de", "en"]
    assert [synced for _, synced, _ in pairs(folder, "o/c.mp4", "s/[ac]_?[en].mp4")] == [
        "s/a_de.mp4", "s/a_en.mp4", "s/c_de.mp4",
    ]  # fmt: skip
    assert [synced for _, synced, _ in pairs(folder, "o/c.mp4", "s/[!a]_*.mp4")] == ["s/c_de.mp4"]


def test_a_given_name_is_put_in(folder: Path) -> None:
    assert pairs(folder, "o/{name}.mp4", "s/{name}_e*.mp4", name="a") == [("o/a.mp4", "s/a_en.mp4", "a")]
    assert pairs(folder, "new/{name}.mp4", "s/{name}.mp4", name="x*") == [("new/x*.mp4", "s/x*.mp4", "x*")]


def test_existing_files_are_taken_as_they_are(folder: Path) -> None:
    (folder / "o" / "take[1].mp4").touch()
    assert pairs(folder, "o/take[1].mp4", "s/c_de.mp4") == [("o/take[1].mp4", "s/c_de.mp4", "take[1]")]
    assert pairs(folder, "o/take[1].mp4", "gone.mp4") == [("o/take[1].mp4", "gone.mp4", "take[1]")]
    (folder / "s" / "take[1]_de.mp4").touch()
    found, _ = find_pairs("o/{name}.mp4", "s/{name}_de.mp4", folder)
    assert ("o/take[1].mp4", "s/take[1]_de.mp4") in [(pair.original, pair.synced) for pair in found]


def test_what_does_not_fit_is_told(folder: Path) -> None:
    assert "p/{name}.mp4 matches no file in" in problem(folder, "p/{name}.mp4", "s/{name}.mp4")
    assert "s/x*.mp4 matches no file in" in problem(folder, "o/a.mp4", "s/x*.mp4")
    assert "matches 3 files" in problem(folder, "o/*.mp4", "s/*.mp4")
    assert "put {name} into it" in problem(folder, "o/*.mp4", "s/a_de.mp4")
    (folder / "s" / "x_de.mp4").touch()
    assert problem(folder, "o/{name}.mp4", "s/{name}_*.mp4") == (
        "synced: s/x_de.mp4: there is no original o/{name}.mp4 for it"
    )
    (folder / "s" / "x_de.mp4").unlink()
    (folder / "s" / "c_de.mp4").unlink()
    assert f"synced: s/c_*.mp4 matches no file in {folder}, for o/c.mp4" in problem(
        folder, "o/{name}.mp4", "s/{name}_*.mp4"
    )
    (folder / "o" / "a.mov").touch()
    assert "several files for the name a: o/a.mov, o/a.mp4" in "".join(
        find_pairs("o/{name}.m*", "s/{name}_en.mp4", folder)[1]
    )


def test_what_is_still_to_come_is_no_problem(folder: Path) -> None:
    for original, synced in (("p/{name}.mp4", "s/{name}.mp4"), ("o/a.mp4", "s/x*"), ("o/{name}.mp4", "s/{name}_en.*")):
        _, problems = find_pairs(original, synced, folder, waiting=[])
        assert problems == []


def test_what_waits_for_a_partner_is_told_with_its_pattern(tmp_path: Path) -> None:
    def waiting(original: str, synced: str, *files: str) -> list[str]:
        told: list[str] = []
        for file in files:
            (tmp_path / file).touch()
        find_pairs(original, synced, tmp_path, waiting=told)
        return told

    patterns = ("{name}_o.mp4", "{name}_s*.mp4")
    assert waiting(*patterns) == []
    assert waiting(*patterns, "z_s.mp4") == ["z_s.mp4 waits for {name}_o.mp4"]
    assert waiting(*patterns, "a_o.mp4") == ["a_o.mp4 waits for a_s*.mp4", "z_s.mp4 waits for {name}_o.mp4"]
    assert waiting(*patterns, "a_s2.mp4", "z_o.mp4") == []
    assert waiting("one.mp4", "one_*.mp4") == []
    assert waiting("one.mp4", "one_*.mp4", "one.mp4") == ["one.mp4 waits for one_*.mp4"]


def test_the_pictures_of_a_sequence_are_one_file(tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        for place in (f"o/{name}", f"s/{name}_de", f"s/{name}_fr"):
            (tmp_path / place).mkdir(parents=True)
            for number in (7, 8):
                (tmp_path / place / f"x_{number:05d}.png").touch()
    (tmp_path / "o" / "anna" / "x_9.png").touch()
    found, problems = find_pairs("o/{name}/x_%05d.png", "s/{name}_*/x_%05d.png", tmp_path)
    assert problems == []
    assert [(pair.original, pair.synced, pair.name) for pair in found] == [
        (f"o/{name}/x_%05d.png", f"s/{name}_{word}/x_%05d.png", name)
        for name in ("anna", "ben")
        for word in ("de", "fr")
    ]
    assert found[0].values["synced"] == "x"
    assert clip_name("s/anna_de/%05d.png") == "anna_de"


def test_an_address_cannot_be_searched(folder: Path) -> None:
    assert "cannot be searched" in problem(folder, "s3://bucket/{name}.mp4", "s/{name}.mp4")
    assert pairs(folder, "s3://bucket/{name}.mp4", "s3://x/{name}?version=1", name="a") == [
        ("s3://bucket/a.mp4", "s3://x/a?version=1", "a")
    ]


def test_other_placeholders_are_told_and_other_braces_stay() -> None:
    assert fill("out/{name}-{synced} {1} {}.mp4", {"name": "a", "synced": "b"}) == "out/a-b {1} {}.mp4"
    with pytest.raises(ValueError, match=r"\{nmae\} in x/\{nmae\} is unknown: \{name\} and \{synced\} can stand here"):
        fill("x/{nmae}", {"name": "a", "synced": "b"})


def test_brackets_without_meaning_are_told(folder: Path) -> None:
    with pytest.raises(ValueError, match="brackets that name no signs"):
        find_pairs("o/[z-a].mp4", "s/{name}.mp4", folder)
    with pytest.raises(ValueError, match="brackets that name no signs"):
        find_pairs("o/{name}.mp4", "s/{name}[z-a].mp4", folder)
