"""What is uploaded, what the card says of it, and how the Hub's refusals read."""

import ast
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import transformers
import yaml
from conftest import RECIPE, Writer
from huggingface_hub.errors import HfHubHTTPError
from markdown_it import MarkdownIt
from support.models import tiny

from ontarget import artifacts
from ontarget.analysis.results import read_scores
from ontarget.cli import app, console
from ontarget.cli.console import ConsoleProgress
from ontarget.decoding.base import Search
from ontarget.errors import ArtifactError, HubError, RecipeError
from ontarget.hub import card, upload
from ontarget.hub.card import CardStage, ModelCard
from ontarget.hub.snippet import SnippetInputs, render_snippet
from ontarget.models.templates import PromptFormat
from ontarget.pipeline import push, run
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Direction

TOKEN = "hf_notAToken0123456789"
MLE = {"steps": 4, "batch": 8, "micro_batch": 8, "learning_rate": 1e-5}
# Hardly trained, a model repeats the end of its prompt, so that there is something to compare.
CHANGES = {
    "base": {"scratch": {**RECIPE["base"]["scratch"], "learning_rate": 1e-6}},
    "template": "Translate into {target}: {input} =>",
    "mle": MLE,
    "report_to": [],
}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(RECIPE | CHANGES | {"out": str(folder / "run")}))
    run.run_recipe(load_recipe(path), ConsoleProgress(console.console))
    return path


class Hub:
    """Stands in for HfApi: remembers what it is asked, and what is in the folder."""

    public = False
    calls: list[tuple[str, dict[str, Any]]] = []
    files: dict[str, bytes] = {}

    def create_repo(self, repo_id: str, **given: Any) -> str:
        self.calls.append(("create", {"repo_id": repo_id, **given}))
        return f"https://huggingface.co/{repo_id}"

    def repo_info(self, repo_id: str) -> Any:
        return SimpleNamespace(private=not self.public)

    def upload_folder(self, folder_path: Path, **given: Any) -> None:
        self.calls.append(("upload", given))
        self.files.update({path.name: path.read_bytes() for path in folder_path.iterdir()})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> type[Hub]:
    """A Hub that takes everything, and somebody who is logged in."""
    fresh = type("Fresh", (Hub,), {"calls": [], "files": {}})
    monkeypatch.setattr(upload, "HfApi", fresh)
    monkeypatch.setattr(upload, "get_token", lambda: TOKEN)
    return fresh


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["ontarget", "push", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        app.main()
    return int(str(end.value.code))


def parts(page: str) -> tuple[dict[str, Any], str]:
    _, front, body = page.split("---\n", 2)
    return yaml.safe_load(front), body


def code_of(body: str) -> str:
    (block,) = (t.content for t in MarkdownIt().parse(body) if t.type == "fence")
    return block


def test_a_dry_run_writes_what_it_would_upload_and_reaches_nobody(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upload, "HfApi", None)
    assert command(monkeypatch, recipe, "me/tiny", "--dry-run") == 0
    place = load_recipe(recipe).out / "push/stage2"
    assert capsys.readouterr().out == f"not uploaded: {place}\n"
    model = load_recipe(recipe).out / "4_unlikelihood/model"
    made = artifacts.folder_hashes(place)
    assert made.pop("README.md") and made == artifacts.folder_hashes(model)
    for path in place.iterdir():
        assert str(recipe.parent).encode() not in path.read_bytes(), path.name
    assert artifacts.read_stamp(model.parent) is not None


@pytest.mark.parametrize(("system", "stages"), [("stage1", 1), ("stage2", 2)])
def test_the_card_has_the_scores_and_settings_of_the_run(
    system: str, stages: int, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(monkeypatch, recipe, "me/tiny", "--dry-run", "--system", system) == 0
    page = (load_recipe(recipe).out / "push" / system / "README.md").read_text()
    front, body = parts(page)
    assert front == {
        "language": ["en", "it", "nl"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["ontarget", "translation", "arxiv:2403.14399"],
        "metrics": ["bleu", "chrf"],
    }
    rows = [
        [cell.strip().replace("\\", "") for cell in line.split(" | ")]
        for line in re.findall(r"^\| stage \d[^|]*\| \w+-\w+ .*\|$", body, flags=re.MULTILINE)
    ]
    lines = (load_recipe(recipe).out / "6_evaluate/scores.jsonl").read_text().splitlines()
    scores = [each for each in map(json.loads, lines) if each["system"] == system]
    assert len(scores) == len(rows) == 6
    for row, score in zip(rows, scores, strict=True):
        assert row[1:3] == [
            f"{score['source']}-{score['target']}",
            "supervised" if score["supervised"] else "zero-shot",
        ]
        assert row[3:6] == [
            "4",
            shown(score["off_target_percent"], score["off_target_interval"]),
            shown(score["reference_off_target_percent"]),
        ]
        for signature in (score["detector"], *score["signatures"].values()):
            assert signature.replace("|", "\\|").replace("_", "\\_") in body
    assert body.count("**Stage ") == stages
    own = "conflict samples: the model's own answers, 4 tokens, weighted by reach"
    assert (own in body) == (system == "stage2")
    assert ("alpha, weight of the unlikelihood: 1" in body) == (system == "stage2")
    assert "The base model is not an LLM." in body and "- seed: 1\n" in body
    assert "- steps: 4\n" in body and "learning rate: 1e-05, cosine" in body


def test_the_usage_on_the_card_translates_as_the_run_did(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, recipe, "me/tiny", "--dry-run", "--system", "stage1") == 0
    out = load_recipe(recipe).out
    code = code_of(parts((out / "push/stage1/README.md").read_text())[1])
    lines = (out / "5_translate/stage1/translations.jsonl").read_text().splitlines()
    done = [each for each in map(json.loads, lines) if each["key"].endswith("/it-nl")]
    assert len(done) == 4 and any(each["hypothesis"] for each in done)
    code = code.replace("'me/tiny'", repr(str(out / "push/stage1")))
    for each in done:
        capsys.readouterr()
        exec(code.replace('text = "..."', f"text = {each['source']!r}"), {})
        assert " ".join(capsys.readouterr().out.split()) == each["hypothesis"]


def test_only_text_and_safetensors_are_uploaded(
    recipe: Path,
    service: type[Hub],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = load_recipe(recipe).out / "4_unlikelihood/model"
    unsafe = ["pytorch_model.bin", "training_args.bin", "tool.py", "optimizer.pt", ".env"]
    more = [model / name for name in [*unsafe, "merges.txt", "chat_template.jinja"]]
    for path in more:
        path.write_text("x")
    try:
        assert command(monkeypatch, recipe, "me/tiny") == 0
    finally:
        for path in more:
            path.unlink()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "uploaded: https://huggingface.co/me/tiny"
    assert sorted(said[1:]) == sorted(f"left out: {name}" for name in unsafe)
    assert {*service.files} == {
        "README.md", "config.json", "generation_config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json", "merges.txt", "chat_template.jinja",
    }  # fmt: skip
    (_, created), (_, uploaded) = service.calls
    assert created == {"repo_id": "me/tiny", "private": None, "exist_ok": True}
    assert uploaded["repo_id"] == "me/tiny"
    assert uploaded["delete_patterns"] == ["*.safetensors", "*.safetensors.index.json"]


@pytest.mark.parametrize("family", ["Marian", "M2M100", "Nllb", "MBart", "MBart50", "T5", "Llama"])
def test_whatever_its_tokenizer_reads_is_uploaded(family: str) -> None:
    files = getattr(transformers, f"{family}Tokenizer").vocab_files_names
    names = list(files.values())
    assert names and all(map(upload.is_uploaded, names)), names


def test_what_is_to_be_private_is_not_uploaded_to_a_public_repository(
    recipe: Path,
    service: type[Hub],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(monkeypatch, recipe, "me/tiny", "--private") == 0
    assert [call for call, _ in service.calls] == ["create", "upload"]
    assert service.calls[0][1]["private"] is True
    service.public = True
    service.calls.clear()
    capsys.readouterr()
    assert command(monkeypatch, recipe, "me/tiny", "--private") == 2
    assert [call for call, _ in service.calls] == ["create"]
    assert capsys.readouterr().err == (
        "ontarget: me/tiny: exists already and is public; make it private or rename\n"
    )


def test_without_network_it_is_one_line_and_the_token_is_nowhere(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert command(monkeypatch, recipe, "me/tiny") == 2
    said = capsys.readouterr()
    assert said.err.startswith("ontarget: me/tiny: the upload failed (Cannot reach https://")
    assert said.err.endswith("check the network and push again (--dry-run needs no network)\n")
    assert said.err.count("\n") == 1 and TOKEN not in said.err + said.out
    for path in load_recipe(recipe).out.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


def test_nobody_logged_in_is_one_line(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upload, "get_token", lambda: None)
    assert command(monkeypatch, recipe, "me/tiny") == 2
    assert capsys.readouterr().err == (
        "ontarget: the Hub: not logged in on this machine; run `hf auth login`\n"
    )


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "me/tiny: the Hub does not accept your token; run `hf auth login`"),
        (403, "me/tiny: your token has no write access; run `hf auth login` with one that has"),
        (500, "me/tiny: the upload failed (no luck); check the network and push again "
              "(--dry-run needs no network)"),
    ],
)  # fmt: skip
def test_each_refusal_of_the_hub_says_what_to_do(
    status: int, text: str, tmp_path: Path, service: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        response: Any = SimpleNamespace(status_code=status, headers={}, request=None)
        raise HfHubHTTPError("no\nluck", response=response)

    monkeypatch.setattr(service, "create_repo", refuse)
    with pytest.raises(HubError, match=f"^{re.escape(text)}$"):
        upload.upload(tmp_path, "me/tiny", private=False)


@pytest.mark.parametrize(
    ("repo_id", "text"),
    [
        ("tiny", "tiny: is not a repository id of the Hub; give owner/name"),
        ("a/b/c", "a/b/c: is not a repository id of the Hub (Repo id must be in the form"),
        ("me/a--b", "me/a--b: is not a repository id of the Hub (Cannot have -- or .. in repo_id"),
        ("", ": is not a repository id of the Hub (Repo id must use alphanumeric chars"),
    ],
)
def test_a_bad_repository_is_refused_before_anything_is_read(
    repo_id: str, text: str, write_recipe: Writer
) -> None:
    with pytest.raises(HubError, match=re.escape(text)):
        push.check_push(load_recipe(write_recipe()), repo_id, "stage2")


def test_a_system_that_the_recipe_does_not_tune_is_refused(write_recipe: Writer) -> None:
    with pytest.raises(RecipeError, match=r"tunes no 'base'; it tunes stage1 and stage2$"):
        push.check_push(load_recipe(write_recipe()), "me/tiny", "base")
    recipe = load_recipe(write_recipe(unlikelihood=None, control=None, mle=None))
    with pytest.raises(RecipeError, match=r"nothing: add the section mle or unlikelihood$"):
        push.check_push(recipe, "me/tiny", "stage2")


def test_an_unfinished_run_says_which_verb_to_run(
    recipe: Path, write_recipe: Writer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    other = write_recipe()
    assert command(monkeypatch, other, "me/tiny", "--dry-run") == 2
    assert capsys.readouterr().err == (
        f"ontarget: {load_recipe(other).out}/1_prepare: is missing or altered; "
        "run `ontarget run RECIPE` first\n"
    )
    assert not load_recipe(other).out.exists()


def sign(step: Path, content: dict[str, Any]) -> None:
    """Write a step.json whose hash of itself is right, as an older version would have."""
    artifacts.write_stamp(step, {key: value for key, value in content.items() if key != "sha256"})


def refused(recipe: Path, text: str, **changes: Any) -> None:
    changed = load_recipe(recipe, changes)
    with pytest.raises(ArtifactError, match=rf"{text}; run `ontarget run RECIPE` first$"):
        run.check_finished(changed, "evaluate")


def test_a_model_that_is_not_what_the_recipe_says_is_refused(recipe: Path) -> None:
    out = load_recipe(recipe).out
    run.check_finished(
        load_recipe(recipe, {"name": "other", "report": {"segments": 1}}), "evaluate"
    )
    refused(
        recipe,
        "3_mle: was made with other settings than the recipe's",
        mle=MLE | {"steps": 5},
    )
    refused(recipe, "4_unlikelihood: was made with other settings.*", evaluate={"votes": 2})

    def edited(step: str, change: Any, text: str) -> None:
        path = out / step / "step.json"
        before = path.read_text()
        content = json.loads(before)
        change(content)
        sign(path.parent, content)
        try:
            refused(recipe, text)
        finally:
            path.write_text(before)

    edited(
        "4_unlikelihood",
        lambda stamp: stamp["made_from"]["steps"].update({"3_mle/model/config.json": "0"}),
        "4_unlikelihood: was made from earlier files of other steps",
    )
    edited(
        "3_mle",
        lambda stamp: stamp["recipe"].update({"languages": 1}),
        "3_mle: was made by a recipe that this version cannot read",
    )


def test_a_version_of_ours_and_moved_corpora_do_not_stand_in_the_way(recipe: Path) -> None:
    path = load_recipe(recipe).out / "3_mle/step.json"
    before = path.read_text()
    content = json.loads(before)
    content["made_from"]["ontarget"] = "0.0.9"
    content["recipe"]["mle"].pop("weight_decay")  # as written before there was such a setting
    content["recipe"].pop("report_to")
    sign(path.parent, content)
    try:
        run.check_finished(load_recipe(recipe), "evaluate")
    finally:
        path.write_text(before)


HOSTILE = "`x` | <script>alert(1)</script> [a](http://evil) ![b](http://evil) **c** # d\n---\ne: f"


def hostile(recipe: Path) -> ModelCard:
    scores = read_scores(load_recipe(recipe).out / "6_evaluate/scores.jsonl")
    facts = ((HOSTILE, HOSTILE),)
    return ModelCard(
        repo_id="me/tiny",
        system="stage2",
        languages=("en", "no", "zh-Hans", "zh-Hant"),
        base=HOSTILE,
        base_id="org/name",
        stand_in=False,
        stages=(CardStage(title=HOSTILE, facts=facts),),
        data=facts,
        decoding=HOSTILE,
        scores=tuple(scores),
        kind="decoder-only",
        snippet=f"text = {HOSTILE!r}\n",
        prompt_note=HOSTILE,
        versions=facts,
    )


def test_hostile_text_stays_text(recipe: Path) -> None:
    made = card.render_card(hostile(recipe))
    front, body = parts(made)
    assert front["language"] == ["en", "no", "zh"] and front["base_model"] == "org/name"
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    assert set(re.findall(r"<(\w+)", page)) <= {
        "h1", "h2", "p", "a", "pre", "code", "table", "thead", "tbody", "tr", "th", "td", "ul",
        "li", "strong",
    }  # fmt: skip
    assert re.findall(r'href="([^"]*)"', page) == ["https://arxiv.org/abs/2403.14399"]
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; [a](http://evil)") == 11
    assert "The base model is not an LLM" not in page


def test_a_hostile_template_stays_one_literal() -> None:
    template = f'````\n{HOSTILE}\n```"""\'{{target}}{{input}}\n'
    usage = SnippetInputs(
        loaded=tiny(), languages=("en", "no"), example=Direction("no", "en"),
        prompt_format=PromptFormat(template=template),
        search=Search(beams=4, max_new_tokens=8, batch=1),
    )  # fmt: skip
    tree = ast.parse(render_snippet(usage, "me/tiny"))
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(values["template"]) == template
    assert {type(node).__name__ for node in tree.body} == {"ImportFrom", "Assign", "Expr"}
    assert "```" not in [line[:3] for line in render_snippet(usage, "me/tiny").splitlines()]


def test_of_corpora_and_local_models_the_card_has_the_names_only(write_recipe: Writer) -> None:
    corpus = {part: f"/secret/place/{part}.tsv" for part in ("train", "dev", "test")}
    recipe = load_recipe(write_recipe(corpus=corpus, base={"model": "/secret/place/mine"}))
    assert push.corpus_facts(recipe)[:3] == (
        ("training", "train.tsv"),
        ("dev", "dev.tsv"),
        ("test", "test.tsv"),
    )
    assert push.describe_base(recipe, None) == "a local model named mine"
    named = load_recipe(write_recipe(base={"model": "org/name", "revision": "v2"}))
    assert push.describe_base(named, "org/name") == "org/name (revision v2)"


def test_an_encoder_decoder_has_its_own_words(recipe: Path) -> None:
    page = card.render_card(replace(hostile(recipe), kind="encoder-decoder"))
    front, body = parts(page)
    assert front["pipeline_tag"] == "translation"
    assert "\nAn encoder-decoder model for translation between" in body


def shown(percent: float | None, bounds: list[float] | None = None) -> str:
    """As a reader expects a ratio; a dash where nothing could be judged."""
    interval = f" [{bounds[0]:.1f}, {bounds[1]:.1f}]" if bounds else ""
    return "-" if percent is None else f"{percent:.1f}{interval}"
