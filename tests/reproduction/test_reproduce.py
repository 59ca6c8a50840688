"""`ontarget reproduce`: the plan, and a whole reproduction on a small model."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.commands import run_command
from support.llama import save_llama2

from ontarget.ability.models import models_of
from ontarget.analysis.results import read_scores
from ontarget.cli.commands.reproduce import command
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.reproduction import planning
from ontarget.reproduction.runs import PARTS, TITLES
from ontarget.reproduction.settings import SCALES, merge, read_paper_table
from ontarget.scoring import resampling
from ontarget.scoring.averages import averages

LANGUAGES = ("en", "it", "nl", "ro")
HARMLESS = {"translate": {"max_new_tokens": 4, "beams": 2}}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with train, dev and test files in the languages of IWSLT4."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = list(compose_rows(LANGUAGES, 1, held_out=13, train=14, glossary=0))
    for split, part in (("dev", rows[:10]), ("test", rows[10:13]), ("train", rows[13:])):
        lines = ["\t".join(LANGUAGES), *("\t".join(map(r.texts.get, LANGUAGES)) for r in part)]  # type: ignore[arg-type]
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scale full with answers of four tokens and two beams, and two steps of stage 2."""

    def read(name: str) -> Any:
        table = read_paper_table(name)
        scale = table.scales["full"]
        stage2 = {**scale.stage2, "steps": 2, "validation": {"every": 1, "segments": 1,
                                                             "keep": "last"}}  # fmt: skip
        changed = scale.model_copy(
            update={"recipe": merge(scale.recipe, HARMLESS), "stage2": stage2}
        )
        return table.model_copy(update={"scales": {"full": changed}})

    monkeypatch.setattr(command, "read_paper_table", read)
    monkeypatch.setattr(resampling, "RESAMPLES", 40)


def test_a_dry_run_plans_llama_2_without_network_or_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = "meta-llama/Llama-2-7b-hf"
    result = run_command("reproduce", "iwslt4", "--base-model", model, "--dry-run")
    assert (result.code, result.stderr) == (0, ""), result
    assert f"base model {model}: 6,738,415,616 parameters" in result.stdout
    assert "missing: data/iwslt4/train.tsv" in result.stdout
    assert "main           base, MT (stage 1), 1-shot, 5-shot, C_src+lang, stage 2" in result.stdout
    assert "of 80 GiB on each of 4 GPUs" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["iwslt4", "wmt3"])
@pytest.mark.parametrize("scale", ["small", "tiny"])
def test_at_scales_for_cpus_the_plan_says_what_one_took(name: str, scale: str) -> None:
    """GPU hours of the published settings would mislead there."""
    result = run_command("reproduce", name, "--scale", scale, "--dry-run")
    assert result.code == 0, result
    *_, last = result.stdout.splitlines()
    assert re.fullmatch(r"measured: .*\d+ minutes on (one|two) cores?.*", last), last
    assert "GPU hours" not in result.stdout
    larger = run_command(
        "reproduce", name, "--scale", scale, "--dry-run", "--base-model", "meta-llama/Llama-2-7b-hf"
    )
    assert larger.code == 0 and "GPU hours in all" in larger.stdout, larger  # it took longer


def test_a_corpus_smaller_than_the_data_sweep_has_none() -> None:
    """WMT3 has 51,000 training samples in all."""
    result = run_command("reproduce", "wmt3", "--dry-run")
    assert result.code == 0, result
    assert "samples a direction" not in result.stdout


def test_the_plan_shows_instructions_alone_before_instructions_beside_translations(
    tmp_path: Path,
) -> None:
    result = run_command(
        "reproduce", "iwslt4", "--dry-run", "--parts", "instructions",
        "--instructions", tmp_path / "alpaca.json",
    )  # fmt: skip
    assert (result.code, result.stderr) == (0, ""), result
    only, both = (result.stdout.index(f"\n{name} ") for name in
                  ("instructions-only  instructions only (stage 1) | hours unknown:",
                   "instructions       MT, instructions in both stages,"))  # fmt: skip
    assert only < both
    assert "in all at 150 TFLOP/s, without 1 run of unknown length" in result.stdout


def test_the_help_says_what_each_part_and_scale_is() -> None:
    text = " ".join(run_command("reproduce", "--help").stdout.split())
    for part, what in PARTS.items():
        assert f"{part}: {what}" in text
    assert all(f"{scale}: " in text for scale in SCALES)


@pytest.fixture
def alpaca(tmp_path: Path) -> Path:
    """General instructions."""
    path = tmp_path / "alpaca.json"
    records = [{"instruction": f"Say {n}", "input": "", "output": str(n)} for n in range(40)]
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "parts", ["table,alma", pytest.param("table,instructions", marks=pytest.mark.slow)]
)
def test_a_table_is_made_on_a_local_llama_and_resumes(  # noqa: PLR0913 - fixtures
    corpus: Path,
    alpaca: Path,
    tmp_path: Path,
    quick: None,
    parts: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The path of Llama 2: the published settings but for lengths, and the same tokenizer type."""
    model, out = tmp_path / "llama", tmp_path / "again"
    save_llama2(model, (corpus / "train.tsv").read_text(encoding="utf-8").split("\n"))
    monkeypatch.setattr(planning, "ALMA", str(model))  # has the same architecture
    leftover = out / "main" / ".3_mle.1.partial"  # of a killed command
    leftover.mkdir(parents=True)
    arguments = (
        "reproduce", "iwslt4", "--base-model", str(model), "--data", str(corpus),
        "--parts", parts, "--out", str(out),
    )  # fmt: skip
    if "instructions" in parts:
        arguments += ("--instructions", str(alpaca))
    result = run_command(*arguments)
    assert (result.code, result.stderr) == (0, ""), result
    page = (out / "table.md").read_text(encoding="utf-8")
    for row in ("base", "mt", "post-ins", "ptl", "1-shot", "5-shot", "contrastive", "stage2"):
        assert TITLES[row].replace("_", "\\_") in page
    assert "| stage 2 |" in page and str(tmp_path) not in page
    if "instructions" in parts:
        check_rows_of_instructions(page, out)
    else:
        check_alma(page, out)
    assert list(out.rglob("*.partial")) == []
    figures = json.loads((out / "figures.json").read_text(encoding="utf-8"))
    check_against_scores(figures, out)
    again = run_command(*arguments)
    assert again.code == 0 and "started" not in again.stdout
    assert (out / "table.md").read_text(encoding="utf-8") == page
    other = run_command(*arguments, "--seed", "2")
    assert other.code == 2
    assert other.stderr == (
        f"ontarget: {out}: was begun with seed 1; give another --out, or the same choices\n"
    )


def check_rows_of_instructions(page: str, out: Path) -> None:
    """Alone before beside translations; `ontarget ability` finds both models of the former."""
    assert page.index("| instructions only (stage 1) |") < page.index("| MT, instructions in both")
    names = [one.name.removeprefix(f"{out}/") for one in models_of(str(out / "instructions-only"))]
    assert names == ["instructions-only#base", "instructions-only#stage1"]


def check_alma(page: str, out: Path) -> None:
    """Stage 2 alone, under the template with which ALMA was tuned (arXiv 2309.11674)."""
    assert "| ALMA-7B |" in page and "| ALMA-7B, stage 2 |" in page
    step = json.loads((out / "alma" / "4_unlikelihood" / "step.json").read_text(encoding="utf-8"))
    assert step["recipe"]["template"] == "alma" and step["recipe"]["mle"] is None
    assert not (out / "alma" / "3_mle").exists()


def check_against_scores(figures: dict[str, Any], out: Path) -> None:
    """The averages of the table are those of `ontarget run`, and lie in their intervals."""
    expected = {
        (mean.system, mean.supervised): mean
        for mean in averages(read_scores(out / "main" / "6_evaluate" / "scores.jsonl"))
    }
    rows = {row["key"]: row for row in figures["rows"]}
    for key, system in (("base", "base"), ("mt", "stage1"), ("stage2", "stage2")):
        for name, supervised in (("supervised", True), ("zero_shot", False)):
            mean, found = expected[system, supervised], rows[key][name]
            assert found["bleu"]["percent"] == pytest.approx(mean.bleu)
            assert found["chrf"]["percent"] == pytest.approx(mean.chrf)
            assert found["chrf"]["low"] <= mean.chrf <= found["chrf"]["high"]
    assert [point["step"] for point in figures["curve"]] == [0, 1, 2]


def test_missing_instructions_are_found_before_anything_is_made(tmp_path: Path) -> None:
    path, out = tmp_path / "none.json", tmp_path / "out"
    result = run_command(
        "reproduce", "iwslt4", "--scale", "tiny", "--instructions", path, "--out", out
    )
    assert result.code == 2 and f"{path}: no such file" in result.stderr
    assert not out.exists()


def test_all_missing_files_of_a_corpus_are_named_at_once(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    result = run_command("reproduce", "iwslt4", "--data", data, "--out", out)
    names = ", ".join(str(data / f"{split}.tsv") for split in ("train", "dev", "test"))
    remedy = "give --data a folder with train, dev and test files"
    assert (result.code, result.stderr) == (2, f"ontarget: {names}: no such file; {remedy}\n")
    assert not out.exists()


def test_a_link_in_the_place_of_a_run_is_not_followed(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    for folder in (out, elsewhere):
        folder.mkdir()
    (out / "main").symlink_to(elsewhere)
    result = run_command(
        "reproduce", "iwslt4", "--scale", "tiny", "--languages", "en,it", "--out", str(out)
    )
    assert (result.code, list(elsewhere.iterdir())) == (2, [])
    assert result.stderr == (
        f"ontarget: {out / 'main'}: is a link, expected a folder of this run; remove the link\n"
    )


def test_lists_may_have_spaces() -> None:
    arguments = ("--languages", "en, it, nl", "--parts", "table, own", "--dry-run")
    result = run_command("reproduce", "iwslt4", "--scale", "tiny", *arguments)
    assert result.code == 0 and "languages en it nl;" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wmt4",), "'wmt4' is no table of the paper; use iwslt4 or wmt3"),
        (("wmt3", "--scale", "big"), "--scale: there is no 'big'; use one of full, small, tiny"),
        (("wmt3", "--parts", ""), "--parts: there is no ''; use some of table, own"),
        (("wmt3", "--languages", ""), "--languages: '' is a single code; write two or more"),
        (("wmt3", "--parts", "alphas"), "--parts: there is no 'alphas'; use some of table, own"),
        (("wmt3", "--dry-run", "--base-model", "./nowhere"), "./nowhere: no such folder"),
        (("wmt3", "--languages", "en,xx"), "--languages: CLDR knows no language 'xx'"),
        (("wmt3", "--languages", "en-GB-it"), "--languages: 'en-GB-it' is a single code; write"),
    ],
)
def test_bad_choices_are_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = run_command("reproduce", *arguments)
    assert result.code == 2
    assert message in result.stderr and result.stderr.count("\n") == 1
