"""Reading lists of jobs: what they give, and what is wrong with them, with lines."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.job_list import read_jobs
from lipblend.errors import SettingsError
from lipblend.settings.resolve import resolve_settings

PAIR = "original: a.mp4, synced: b.mp4"
MOST_SECONDS = 30  # for 10,000 jobs; 1 to 3 on a machine of 2026


def saved(folder: Path, content: str | bytes, name: str = "jobs.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def jobs(folder: Path, content: str | bytes, name: str = "jobs.yaml") -> list[JobSpec]:
    return read_jobs(saved(folder, content, name))


def problems(folder: Path, content: str | bytes, name: str = "jobs.yaml") -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read_jobs(saved(folder, content, name))
    return caught.value.details or (str(caught.value),)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_job_with_everything(tmp_path: Path) -> None:
    saved(tmp_path, "mask.expansion: 1.25\nencode.crf: 20\n", "mine.yaml")
    text = """
defaults: {gate: true, report: "reports/{name}", settings: {encode.crf: 17, alpha.gamma: 2}, face: largest}
jobs:
  - name: intro
    original: in/a.mp4
    synced: in/b.mp4
    output: out/{name}.mp4
    preset: high-motion
    config: mine.yaml
    settings: {blend: {method: poisson}, alpha.gamma: 0.5}
    crop: face.json
    ranges: "2.5-8,12-end"
    face: "812,340@12.5"
    keep: hand.mp4
    matte: m_{synced}.mp4
"""
    (job,) = jobs(tmp_path, text)
    assert job.source == "jobs.yaml, line 4"
    assert (job.name, job.preset, job.gate) == ("intro", "high-motion", True)
    places = [job.original, job.synced, job.output, job.crop, job.keep, job.matte, job.report]
    wanted = ["in/a.mp4", "in/b.mp4", "out/intro.mp4", "face.json", "hand.mp4", "m_b.mp4", "reports/intro"]
    assert places == [str(tmp_path / name) for name in wanted]
    overrides = {
        "encode.crf": 17, "alpha.gamma": 0.5, "blend.method": "poisson", "track.ranges": ["2.5-8", "12-end"],
        "track.face": "812,340@12.5",
    }  # fmt: skip
    settings = resolve_settings("high-motion", tmp_path / "mine.yaml", overrides).settings
    assert resolve_settings(overrides=job.settings).settings == settings
    assert job.settings["mask.expansion"] == 1.25
    assert "track.no_face" not in job.settings, "only what differs from the plain defaults"
    assert JobSpec.from_dict(job.to_dict()) == job


def test_templates_give_a_job_for_each_match(tmp_path: Path) -> None:
    touch(tmp_path, "o/a.mp4", "o/b.mp4", "s/a_de.mp4", "s/a_en.mp4", "s/b_de.mp4")
    text = """
- {original: "o/{name}.mp4", synced: "s/{name}_*.mp4", output: "out/{name}/{synced}.mp4", report: "r/{name}",
   settings: {audio.source: "sound/{name}.wav"}}
"""
    found = jobs(tmp_path, text)
    assert [job.name for job in found] == ["a_de", "a_en", "b_de"]
    assert [job.output for job in found] == [str(tmp_path / f"out/{n[0]}/{n}.mp4") for n in ("a_de", "a_en", "b_de")]
    assert [job.report for job in found] == [str(tmp_path / f"r/{n}") for n in ("a_de", "a_en", "b_de")]
    assert {job.source for job in found} == {"jobs.yaml, line 2"}
    assert [job.settings["audio.source"] for job in found] == [str(tmp_path / f"sound/{n}.wav") for n in "aab"]


def test_matches_that_the_output_does_not_tell_apart_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "o/a.mp4", "o/b.mp4", "s/a_de.mp4", "s/a_en.mp4", "s/b_de.mp4")
    (found,) = problems(
        tmp_path, '- original: "o/{name}.mp4"\n  synced: "s/{name}_*.mp4"\n  output: "out/{name}.mp4"\n'
    )
    assert found.startswith("jobs.yaml, line 3: out/a.mp4 would be the output of 2 synced videos (s/a_de.mp4, s/a_en")
    assert "put {synced} into" in found


def test_a_list_may_lie_elsewhere_than_its_files(tmp_path: Path) -> None:
    path = saved(tmp_path, f"- {{{PAIR}, output: c.mp4}}\n")
    assert read_jobs(path, base=tmp_path / "other")[0].original == str(tmp_path / "other" / "a.mp4")


def test_files_that_have_not_arrived_are_no_problem(tmp_path: Path) -> None:
    text = '- {original: "o/{name}.mp4", synced: "s/{name}.mp4", output: "out/{name}.mp4"}\n'
    assert read_jobs(saved(tmp_path, text), waiting=[]) == []
    assert len(problems(tmp_path, text)) == 1


def test_a_key_without_a_value_hides_the_default(tmp_path: Path) -> None:
    text = "defaults: {report: r, face: all, gate: true}\n"
    text += f"jobs:\n- {{{PAIR}, output: c.mp4, report: null, face: ~, gate: no}}"
    (job,) = jobs(tmp_path, text)
    assert (job.report, job.gate, "track.face" in job.settings) == (None, False, False)


def test_every_problem_is_told_with_its_line_in_one_error(tmp_path: Path) -> None:
    text = """defaults: {presett: natural, name: x}
job: 3
jobs:
- {orignal: a.mp4}
- just text
- {original: a.mp4, synced: b.mp4, output: c.mp4, settings: {mask.expansiom: 2, encode.crf: 99, blend: {method: x}}}
- original: a.mp4
  synced: [b.mp4]
  output: c.mp4
  gate: perhaps
- {original: a.mp4, synced: b.mp4, output: "out/{nmae}.mp4", preset: naturel}
- {original: a.mp4, synced: b.mp4, output: out/*.mp4, config: gone.yaml, encode.crf: 3}
- {original: a.mp4, synced: b.mp4, output: c.mp4, config: gone.yaml, ranges: 8-2}
"""
    found = problems(tmp_path, text)
    wanted = [
        ("line 1", "'name' belongs to a job"),
        ("line 1", "'presett'. Did you mean preset?"),
        ("line 2", "unknown key 'job'. Did you mean jobs?"),
        ("line 4", "unknown key 'orignal'. Did you mean original?"),
        ("line 5", "a job must hold keys and values (original, synced, output), not 'just text'"),
        ("line 6", "unknown setting 'mask.expansiom'. Did you mean mask.expansion?"),
        ("line 6", "encode.crf = 99 is not allowed: it must be 0 to 63"),
        ("line 6", "blend.method = 'x' is not allowed"),
        ("line 8", "synced must be text, not a list"),
        ("line 10", "gate must be true or false, not 'perhaps'"),
        ("line 11", "output: {nmae} in out/{nmae}.mp4 is unknown"),
        ("line 11", "there is no preset 'naturel'. Did you mean natural?"),
        ("line 12", "'encode.crf' is a setting: write it under `settings:`"),
        ("line 13", "gone.yaml: No such file"),
    ]
    for line, text in wanted:
        assert any(each.startswith(f"jobs.yaml, {line}: ") and text in each for each in found), (line, text, found)
    assert len(found) == len(wanted), found


def test_what_is_wrong_with_the_defaults_is_told_once(tmp_path: Path) -> None:
    many = "".join(f"- {{{PAIR}, output: {number}.mp4}}\n" for number in range(5))
    text = "defaults:\n  config: gone.yaml\njobs:\n" + many
    assert [line.partition(":")[0] for line in problems(tmp_path, text)] == ["jobs.yaml, line 2"]
    text = "defaults:\n  settings:\n    encode.crf: 99\njobs:\n" + many
    assert [line.partition(":")[0] for line in problems(tmp_path, text)] == ["jobs.yaml, line 3"]


def test_settings_that_contradict_each_other_are_told_at_the_job(tmp_path: Path) -> None:
    text = f"- {{{PAIR}, output: c.mp4,\n   settings: {{colour.gain_min: 0.9, colour.gain_max: 0.5}}}}\n"
    assert all(line.startswith("jobs.yaml, line") and "entry" not in line for line in problems(tmp_path, text))
    text = f"- {{{PAIR}, output: c.mp4,\n   settings: {{blend.levels: 3, blend: {{levels: 4}}}}}}\n"
    assert problems(tmp_path, text) == ("jobs.yaml, line 2: the setting blend.levels is given twice",)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "holds no jobs"),
        ("# nothing\n", "holds no jobs"),
        ("jobs:\n", "holds no jobs"),
        ("jobs: []\n", "holds no jobs"),
        ("defaults: {preset: natural}\n", "holds no jobs"),
        ("hello\n", "holds one value"),
        ("jobs: {a: 1}\n", "`jobs` must be a list"),
        (f"{PAIR.replace(', ', chr(10))}\n", "'original' stands outside a job"),
        ("defaults: 3\njobs: [{original: a}]\n", "`defaults` must hold keys and values"),
        ("jobs:\n\t- original: a.mp4\n", "line 2, column 1"),
        ("- {original: a.mp4, synced: b.mp4}\n", "line 1: the job has no output"),
        ("- {output: c.mp4}\n", "the job has no original and no synced"),
        (f"- {{{PAIR}, output: c.mp4, settings: [1]}}\n", "settings must be a mapping"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, content: str, part: str) -> None:
    assert part in problems(tmp_path, content)[0]


def test_the_ending_of_the_list_says_what_it_is(tmp_path: Path) -> None:
    assert "its name ends in '.txt'" in problems(tmp_path, "a", "jobs.txt")[0]
    assert jobs(tmp_path, '[{"original": "a.mp4", "synced": "b.mp4", "output": "c.mp4"}]', "jobs.json")[0].name == "c"


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (r"'C:\films\a.mp4'", "C:\\films\\a.mp4 is a Windows path"),
        (r"'\\server\films\a.mp4'", "is a Windows path"),
        (r'"films\new.mp4"', "control character"),
        ("'-'", "is no path"),
        ("~nobody-of-this-name/a.mp4", "no such home folder"),
    ],
)
def test_paths_that_mean_nothing_here(tmp_path: Path, path: str, part: str) -> None:
    found = problems(tmp_path, f"- {{original: {path}, synced: b.mp4, output: c.mp4}}\n")
    assert found[0].startswith("jobs.yaml, line 1: original: ")
    assert part in found[0]


def test_paths_of_other_systems_and_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    (job,) = jobs(tmp_path, r"- {original: ~/a.mp4, synced: 'in\b.mp4', output: './/out/../c.mp4'}")
    assert (job.original, job.synced) == ("/home/me/a.mp4", str(tmp_path / "in" / "b.mp4"))
    (job,) = jobs(tmp_path, "- {original: 's3://x/a.mp4', synced: 's3://x/b.mp4', output: 's3://x/c.mp4'}")
    assert (job.original, job.output, job.name) == ("s3://x/a.mp4", "s3://x/c.mp4", "c")


def test_names_are_texts_and_hold_plain_signs_only(tmp_path: Path) -> None:
    text = "".join(
        f"- {{{PAIR}, name: {name}, output: {number}.mp4}}\n"
        for number, name in enumerate(["007", "on", "é/à b", "'-x'", "..", "日本"])
    )
    assert [job.name for job in jobs(tmp_path, text)] == ["007", "on", "e_a_b", "_-x", "_..", "__"]


def test_given_names_that_collide_are_told(tmp_path: Path) -> None:
    text = f"- {{{PAIR}, name: a b, output: 1.mp4}}\n- {{{PAIR}, name: A_b, output: 2.mp4}}\n"
    assert problems(tmp_path, text) == (
        "jobs.yaml, line 2: the name A_b is that of another job (line 1), from 'a b' and 'A_b'",
    )
    touch(tmp_path, "s/1.mp4", "s/2.mp4")
    text = "- {name: x, original: a.mp4, synced: 's/*.mp4', output: '{synced}.mp4'}\n"
    assert "several matches of this line" in problems(tmp_path, text)[0]


def test_names_of_outputs_are_made_different(tmp_path: Path) -> None:
    outputs = ["de/a.mp4", "en/a.mp4", "b.mp4", "日本.mp4", "東京.mp4", "c.mp4", "C.mp4"]
    found = [job.name for job in jobs(tmp_path, "".join(f"- {{{PAIR}, output: {name}}}\n" for name in outputs))]
    assert found[:3] == ["de-a", "en-a", "b"]
    assert len({name.casefold() for name in found}) == len(outputs)
    twice = jobs(tmp_path, f"- {{{PAIR}, output: c.mp4}}\n" * 2)
    assert len({job.name for job in twice}) == 2, "that both write c.mp4 is found by check_jobs"


CSV = """name{0}original{0}synced{0}output{0}encode.crf{0}mask.shapes{0}gate
intro{0}a.mp4{0}b.mp4{0}out/{{name}}.mp4{0}20{0}"mouth,box"{0}yes

{0}c.mp4{0}d.mp4{0}e.mp4{0}{0}{0}
"""


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff", "sep={0}\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_of_spreadsheets(tmp_path: Path, delimiter: str, start: str, end: str) -> None:
    if delimiter == "\t" and "sep" in start:
        start = ""
    text = (start.format(delimiter) + CSV.format(delimiter)).replace("\n", end)
    first, second = jobs(tmp_path, text, "jobs.csv")
    shift = 1 if "sep" in start else 0
    assert (first.name, first.gate, first.source) == ("intro", True, f"jobs.csv, line {2 + shift}")
    assert (first.settings["encode.crf"], first.settings["mask.shapes"]) == (20.0, ["mouth", "box"])
    assert (second.name, second.gate, second.source) == ("e", False, f"jobs.csv, line {4 + shift}")
    assert second.output == str(tmp_path / "e.mp4")


def test_faults_of_a_table_have_their_lines(tmp_path: Path) -> None:
    rows = ["Original,synced,output,encode.crf,ofset,a.b", 'a.mp4,b.mp4,"c', '.mp4",99,,', "a.mp4,b.mp4,c.mp4,20,,,x"]
    text = "\n".join([*rows, "a.mp4,,c,1,3"])
    found = problems(tmp_path, text, "jobs.csv")
    assert [line.split(": ")[0] for line in found] == [f"jobs.csv, line {n}" for n in (1, 1, 2, 2, 4, 5)], found
    assert "unknown column 'ofset'" in found[0]
    assert "unknown setting 'a.b'" in found[1]
    assert "encode.crf = '99' is not allowed" in found[2]
    assert "control character" in found[3]
    assert "more cells than the 6 columns" in found[4]
    assert "the job has no synced" in found[5]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"a.mp4,b.mp4,c.mp4\n", "line 1: the first line must name the columns"),
        (b"original,synced,output,synced\n", "line 1: the column 'synced' is there twice"),
        (b"original,synced,output\n", "holds no jobs"),
        (b"", "holds no jobs"),
        (b'original,synced,output\na,"b,c\n', "not valid CSV"),
        ("original,synced,output\nü.mp4,b.mp4,c.mp4".encode("latin-1"), "not UTF-8"),
        ("original,synced,output\na.mp4,b.mp4,c.mp4".encode("utf-16"), "not UTF-8"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, content: bytes, part: str) -> None:
    assert part in problems(tmp_path, content, "jobs.csv")[0]


@pytest.mark.slow(12)
def test_ten_thousand_jobs_are_read_in_seconds(tmp_path: Path) -> None:
    lines = "".join(
        f"- {{original: o/{n}.mp4, synced: s/{n}.mp4, output: out/{n}.mp4, ranges: {n}f-end}}\n" for n in range(10_000)
    )
    started = time.perf_counter()
    assert len(jobs(tmp_path, lines)) == 10_000
    touch(tmp_path, *(f"{folder}/{n}{end}.mp4" for folder, end in (("o", ""), ("s", "_x")) for n in range(3000)))
    text = '- {original: "o/{name}.mp4", synced: "s/{name}_*.mp4", output: "out/{name}.mp4"}\n'
    assert len(jobs(tmp_path, text)) == 3000
    assert time.perf_counter() - started < MOST_SECONDS
