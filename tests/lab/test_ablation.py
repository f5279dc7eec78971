"""The ablation: variants, triples, what is measured, the table, and the script."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from script_loading import SCRIPTS, load_script
from sequences import unpacked

from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.lab.ablation.ablation_table import BEGIN, END, as_json, markdown, summarise, write_markdown
from lipblend.lab.ablation.run_ablation import Cell, Column, run_ablation
from lipblend.lab.ablation.triples import Triple, find_triples
from lipblend.lab.ablation.variants import Variant, read_variants
from lipblend.selfcheck.sample import make_sample
from lipblend.settings.resolve import resolve_settings

FRAMES = 6
TRIED = """
plain: {align.method: none, reuse.method: none, colour.method: none, colour.membrane: false, detail.strength: 0}
yardsticks:
  hull: {mask.shapes: [lower_face_contour]}
variants:
  the same: {reuse.method: motion, colour.strength: 1}
  reuse none: {reuse.method: none}
  colour none: {reuse.method: none, colour.strength: 0, colour.membrane: false}
  nobody: {track.face: 7}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two triples, their synced videos soft and tinted."""
    root = tmp_path_factory.mktemp("triples")
    for seed, name in ((30, "ann"), (34, "bob")):  # whose mouths move much
        made = make_sample(root / name, frames=FRAMES, size=256, seed=seed)
        for path, to in ((made.original, "orig"), (made.synced, "synced"), (made.truth, "truth")):
            path.rename(root / name / f"{to}.mp4")
    (root / "notes").mkdir()
    return root


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> tuple[Variant, ...]:
    path = tmp_path_factory.mktemp("variants") / "mine.yaml"
    path.write_text(TRIED)
    return read_variants(path, "natural")


@pytest.fixture(scope="module")
def columns(folder: Path, variants: tuple[Variant, ...]) -> dict[str, Column]:
    return run_ablation(find_triples(folder), variants)


@pytest.fixture
def script() -> ModuleType:
    return load_script("ablation")


@pytest.mark.slow
def test_every_variant_is_measured_on_the_same_frames(
    columns: dict[str, Column], variants: tuple[Variant, ...]
) -> None:
    assert list(columns) == ["ann", "bob"]
    for column in columns.values():
        assert list(column) == [each.name for each in variants]
        for name, cell in column.items():
            if name == "nobody":
                assert cell == Cell(failed=cell.failed)
                assert "the face asked for (7)" in cell.failed
            else:
                assert (cell.frames, cell.failed) == (FRAMES, "")
                assert {"psnr", "flicker", "detail"} <= set(cell.values)
    assert all("lip_corr" in columns[name]["preset natural"].values for name in columns)


@pytest.mark.slow
def test_what_is_the_same_differs_by_nothing(columns: dict[str, Column], variants: tuple[Variant, ...]) -> None:
    for column in columns.values():
        assert column["the same"].values == column["preset natural"].values
    row = next(each for each in summarise(columns, variants) if each.variant.name == "the same")
    assert set(row.difference.values()) == {0.0}
    assert row.min_difference == 0.0


@pytest.mark.slow
def test_what_damages_is_worse(columns: dict[str, Column]) -> None:
    for column in columns.values():
        values = {name: cell.values for name, cell in column.items()}
        assert values["reuse none"]["psnr"] < values["preset natural"]["psnr"] - 0.1
        assert values["colour none"]["psnr"] < values["reuse none"]["psnr"] - 0.1
        assert values["synced video itself"]["detail"] < values["preset natural"]["detail"]


@pytest.mark.slow
def test_the_truth_itself_is_perfect(folder: Path, variants: tuple[Variant, ...], tmp_path: Path) -> None:
    """A synced video that is the truth: the row of the synced video has nothing to find."""
    ann = find_triples(folder, ["ann"])[0]
    shutil.copy(ann.truth, tmp_path / "synced.mp4")
    perfect = replace(ann, synced=tmp_path / "synced.mp4")
    few = [each for each in variants if each.kind in ("synced", "preset")]
    found = run_ablation([perfect], few, frames=5)["ann"]["synced video itself"]
    assert found.frames == 5
    perfect_values = {"psnr": 100.0, "flicker": 0.0, "detail": 1.0, "rag": 1.0, "overshoot": 0.0, "lip_corr": 1.0}
    assert found.values == perfect_values


@pytest.mark.slow(5)
def test_jobs_do_not_matter(folder: Path, variants: tuple[Variant, ...], columns: dict[str, Column]) -> None:
    """Nor what else is tried beside."""
    few = [each for each in variants if each.name in ("hull", "preset natural", "reuse none")]
    found = run_ablation(find_triples(folder), few, jobs=2)
    assert found == {name: {each.name: column[each.name] for each in few} for name, column in columns.items()}


@pytest.mark.slow
def test_a_fault_in_a_worker_names_its_triple(folder: Path, variants: tuple[Variant, ...], tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    triples = [Triple(name, *[tmp_path / "bad.mp4"] * 3) for name in ("carl", "dora")]
    for jobs in (1, 2):
        with pytest.raises(InputError, match=r"^(carl|dora): ") as caught:
            run_ablation(triples, variants, jobs=jobs)
        assert caught.value.exit_code == 3


def cell(psnr: float, lips: float | None = None) -> Cell:
    values = {"psnr": psnr, "flicker": 1.0, "detail": 0.5}
    return Cell(9, values | ({"lip_corr": lips} if lips is not None else {}))


def test_means_and_differences_of_made_numbers() -> None:
    settings = resolve_settings().settings
    kinds = {"a": "yardstick", "b": "yardstick", "base": "preset", "other": "variant", "broken": "variant"}
    rows = [Variant(name, kind, settings, {}) for name, kind in kinds.items()]  # type: ignore[arg-type]
    failed = Cell(failed="x")
    columns = {
        "one": {"a": cell(30), "b": cell(32), "base": cell(35, 0.9), "other": cell(36, 0.95), "broken": failed},
        "two": {"a": cell(34), "b": cell(33), "base": cell(40), "other": cell(38, 0.5), "broken": cell(10)},
    }  # fmt: skip
    found = {row.variant.name: row for row in summarise(columns, rows)}
    other = found["other"]
    assert (other.mean["psnr"], other.difference["psnr"], other.min_difference) == (37, -0.5, -2)
    assert other.over_plain == 4
    assert other.mean["lip_corr"] == pytest.approx(0.725)
    assert other.difference["lip_corr"] == pytest.approx(0.05)
    assert (found["broken"].mean, found["broken"].min_difference, found["broken"].over_plain) == ({}, None, None)
    table = markdown(columns, rows)
    assert "2 triples, 9 frames each" in table
    assert "| other | 37.00 | -0.50 | -2.00 | +4.00 | 1.000 | ±0.000 |" in table
    assert "| **base** | 37.50 | ±0.00 |" in table
    assert "| broken | failed: x | 10.00 / 1.00 / 0.50 / - / - / - |" in table
    data = json.loads(as_json(columns, rows))
    assert data["rows"][3]["triples"]["one"] == {"frames": 9, **columns["one"]["other"].values}
    assert data["rows"][4]["triples"]["one"]["failed"] == "x"


@pytest.mark.slow
def test_the_table_takes_its_place_in_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write_markdown(page, "new\n")
    assert page.read_text() == "new\n"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_markdown(page, "new\n")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text(f"before\n{BEGIN}\nold\n")
    with pytest.raises(OutputError, match="needs both"):
        write_markdown(page, "new\n")
    with pytest.raises(OutputError, match="cannot write"):
        write_markdown(tmp_path / "nowhere" / "page.md", "new\n")


@pytest.mark.slow(2)
def test_the_variants_of_the_repository_all_change_something() -> None:
    for preset in ("natural", "max-concealment"):
        found = read_variants(SCRIPTS / "ablation.yaml", preset)
        kinds = [each.kind for each in found]
        assert kinds[0] == "synced"
        assert (kinds.count("yardstick"), kinds.count("preset")) == (6, 1)
        assert kinds.count("variant") >= 22
    found = read_variants(SCRIPTS / "ablation.yaml", "natural")
    tried = [each for each in found if each.kind != "synced"]
    assert len({each.settings for each in tried}) == len(tried)
    by_name = {each.name: each for each in found}
    assert by_name["preset high-motion"].settings == resolve_settings("high-motion").settings
    assert by_name["align off"].settings == resolve_settings("natural", overrides={"align.method": "none"}).settings


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("variants: {odd: {align.metod: none}}", "variant 'odd': unknown setting 'align.metod'"),
        ("variants: {odd: {align.method: slide}}", "variant 'odd': align.method = 'slide'"),
        ("variants: {odd: {preset: nice}}", "variant 'odd': there is no preset 'nice'"),
        ("variants: {odd: {encode.crf: 10}}", "encode.crf does not change the picture"),
        ("variants: {odd: none}", "variant 'odd' must be a mapping"),
        ("variants: {odd: {}}", "variant 'odd' changes nothing"),
        ("yardsticks: {odd: {x.y: 1}}\nvariants: {a: {align.method: none}}", "yardstick 'odd': unknown setting"),
        ("yardsticks: {a: {}}\nvariants: {a: {align.method: none}}", "'a' names two rows"),
        ("variant: {a: {align.method: none}}", "unknown section 'variant'"),
        ("plain: {align.method: none}", "has no variants"),
    ],
)
def test_variants_that_make_no_sense(text: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_variants(path, "natural")
    assert part in str(caught.value)


@pytest.mark.slow(2)
def test_the_script_writes_what_it_prints(
    script: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("variants: {reuse none: {reuse.method: none}, Lab: {colour.space: lab, reuse.method: none}}")
    words = [folder, "--only", "bob", "--variants", mine, "--frames", 3, "--jobs", 1]
    outputs = ["--json", tmp_path / "out.json", "--markdown", tmp_path / "out.md"]
    assert script.main([str(word) for word in words + outputs]) == 0
    out, err = capsys.readouterr()
    assert out == (tmp_path / "out.md").read_text()
    assert "1 triples, 3 frames each" in out
    assert "bob: analysed 2 times" in err  # means in Lab are taken while the videos are read
    assert "bob: 3 of 3 frames, 3 variants" in err
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["synced video itself", "preset natural", "reuse none", "Lab"]
    assert rows[2]["changes"] == {"reuse.method": "none"}
    assert rows[2]["difference"]["psnr"] < 0
    assert rows[3]["mean"]["psnr"] not in (rows[1]["mean"]["psnr"], rows[2]["mean"]["psnr"])


@pytest.mark.slow(4)
def test_triples_of_pictures(
    script: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, triple = tmp_path / "mine.yaml", tmp_path / "triples" / "ann"
    mine.write_text("variants: {reuse none: {reuse.method: none}}")
    shutil.copytree(folder / "ann", triple)
    for name in ("orig", "truth"):
        unpacked(triple / f"{name}.mp4", triple / name / "%06d.png")
        assert triple / f"{name}.mp4" in find_triples(tmp_path / "triples", sequences=True)[0].paths
        (triple / f"{name}.mp4").unlink()
    words = [str(word) for word in (tmp_path / "triples", "--variants", mine, "--frames", 3)]
    assert script.main(words) == 0
    table = capsys.readouterr().out
    assert "1 triples, 3 frames each" in table
    assert script.main([*words, "--rate", "25"]) == 0
    assert capsys.readouterr().out == table  # the rate of the synced video
    assert script.main([*words, "--rate", "50"]) == 0
    assert capsys.readouterr().out != table  # other frames belong together
    (triple / "truth" / "000003.png").unlink()
    assert script.main(words) == 3
    assert capsys.readouterr().err.startswith("error: ann: 1 of the pictures 1 to ")
    with pytest.raises(InputError, match=r"lacks orig\.mp4 and truth\.mp4"):
        find_triples(tmp_path / "triples")


@pytest.mark.slow(4)
def test_the_script_says_what_is_wrong_in_a_line(
    script: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder / "ann", broken / "eve")
    (broken / "eve" / "truth.mp4").unlink()
    mine = tmp_path / "mine.yaml"
    mine.write_text("variants: {odd: {align.metod: none}}")
    for words, code, part in (
        ([tmp_path / "nowhere"], 3, "there is no folder"),
        ([tmp_path], 3, "contains no triples"),
        ([broken], 3, "the triple eve lacks truth.mp4"),
        ([folder, "--only", "zoe"], 2, "there is no triple 'zoe'"),
        ([folder, "--only", "notes"], 2, "there is no triple 'notes'"),
        ([folder, "--variants", mine], 2, "variant 'odd': unknown setting 'align.metod'"),
        ([folder, "--variants", tmp_path / "none.yaml"], 2, "cannot read"),
        ([folder, "--preset", "nice"], 2, "there is no preset 'nice'"),
        ([folder, "--frames", 1], 2, "1 frames cannot be tried"),
        ([folder, "--rate", "25"], 2, "no triple has an image sequence"),
        ([folder, "--rate", "0"], 2, "the rate 0 is out of range"),
        ([folder, "--jobs", 0], 2, "0 jobs cannot be run"),
    ):
        assert script.main([str(word) for word in words]) == code
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("error: ")
        assert part in err
