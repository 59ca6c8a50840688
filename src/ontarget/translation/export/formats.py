"""Safetensors, CTranslate2 and GGUF: how each is written and opened.

All start from a staged folder: the model in safetensors with its tokenizer, as ontarget writes it,
which holds no code.
"""

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ontarget.decoding.base import Search, Translator, require
from ontarget.decoding.conversion import EXTRA, convert, read_vocabulary
from ontarget.decoding.ctranslate2_models import (
    QUANTIZATIONS,
    CTranslate2Translator,
    decoder_start,
    load_engine,
)
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.decoding.servers.gguf import PROGRAM, check_gguf, open_gguf, running
from ontarget.errors import ModelError, ProgramError
from ontarget.models.loading import load_model, load_outline
from ontarget.models.templates import PromptFormat

FLOAT32 = "float32"
CONVERTER = "convert_hf_to_gguf.py"
GGUF_FILE = "model.gguf"
OUT_TYPES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "int8": "q8_0"}
REQUESTS, ANSWER_SECONDS = 4, 120.0  # at once, and for one answer, of llama.cpp
FORMATS: Mapping[str, tuple[str, ...]] = {  # name -> its quantizations
    "safetensors": ("float32", "float16", "bfloat16"),
    "ctranslate2": QUANTIZATIONS,
    "gguf": tuple(OUT_TYPES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """A format, the precision of its weights, and who makes it."""

    name: str
    quantization: str
    converter: Path | None  # of GGUF

    @property
    def is_float(self) -> bool:
        """Whether weights stay floating-point numbers."""
        return not self.quantization.startswith("int8")


def make_format(name: str, quantization: str, converter: str | None) -> ExportFormat:
    """A format whose programs and packages are there.

    Raises:
        ModelError: there is no such format or quantization, or a package is missing.
        ProgramError: there is no converter.
    """
    if name not in FORMATS:
        raise ModelError(f"--format: there is no {name!r}; use one of {', '.join(FORMATS)}")
    if quantization not in FORMATS[name]:
        raise ModelError(
            f"--quantization: {name} has no {quantization!r}; use one of {', '.join(FORMATS[name])}"
        )
    if converter is not None and name != "gguf":
        raise ModelError(f"--converter: {name} needs none; leave it out, or use --format gguf")
    if name == "ctranslate2":
        require("ctranslate2", name, EXTRA)
    found = find_converter(converter) if name == "gguf" else None
    return ExportFormat(name=name, quantization=quantization, converter=found)


def find_converter(named: str | None) -> Path:
    """llama.cpp's converter, as named or on the PATH.

    Raises:
        ProgramError: it is not there.
        ModelError: nothing here can open its result, to verify it.
    """
    found = named or shutil.which(CONVERTER)
    if found is None:
        raise ProgramError(
            f"{CONVERTER} is not on the PATH; install llama.cpp, or give its path with --converter"
        )
    if not Path(found).is_file():
        raise ProgramError(f"{found}: no such file; give the path of llama.cpp's {CONVERTER}")
    if shutil.which(PROGRAM) is None and find_spec("llama_cpp") is None:
        raise ModelError(
            f"gguf: neither {PROGRAM} nor llama_cpp is here to verify the file; install llama.cpp, "
            "or pip install llama-cpp-python"
        )
    return Path(found)


def write_format(staged: Path, out: Path, form: ExportFormat) -> None:
    """Write the staged model into the folder `out`.

    Raises:
        ModelError: the format does not support it.
        ProgramError: the converter fails.
    """
    if form.name == "gguf":
        write_gguf(staged, out / GGUF_FILE, form)
    elif form.name == "ctranslate2":
        outline = load_outline(str(staged))
        convert(staged, out / "converted", form.quantization, outline)
        move_files(out / "converted", out)
        outline.tokenizer.save_pretrained(out)
    else:
        move_files(staged, out)


def move_files(folder: Path, out: Path) -> None:
    """Move all files of a folder, and remove it."""
    for path in sorted(folder.iterdir()):
        path.rename(out / path.name)
    folder.rmdir()


def write_gguf(staged: Path, file: Path, form: ExportFormat) -> None:
    """Run llama.cpp's converter; it can fetch nothing, and the staged folder holds no code."""
    assert form.converter is not None
    python = [] if os.access(form.converter, os.X_OK) else [sys.executable]
    command = [
        *python, str(form.converter.absolute()), str(staged),
        "--outfile", str(file), "--outtype", OUT_TYPES[form.quantization],
    ]  # fmt: skip
    with running(command, os.environ | {"HF_HUB_OFFLINE": "1"}) as program:
        program.process.wait()
        if program.process.returncode or not file.is_file():
            raise ProgramError(
                f"{form.converter}: {program.end()}; update llama.cpp, or use another format"
            )
    check_gguf(file)


def open_format(
    staged: Path, out: Path, form: ExportFormat, prompting: PromptFormat, search: Search
) -> AbstractContextManager[Translator]:
    """The translator of an exported model."""
    if form.name == "gguf":
        return open_gguf(out / GGUF_FILE, prompting, search, REQUESTS, ANSWER_SECONDS)
    if form.name == "ctranslate2":
        return open_converted(staged, out, form.quantization, prompting, search)
    return open_saved(out, prompting, search)


@contextmanager
def open_saved(out: Path, prompting: PromptFormat, search: Search) -> Iterator[Translator]:
    """The translator of a folder of safetensors."""
    yield HuggingFaceTranslator(load_model(str(out)), prompting, search)


@contextmanager
def open_converted(
    staged: Path, out: Path, quantization: str, prompting: PromptFormat, search: Search
) -> Iterator[Translator]:
    """The translator of a folder of CTranslate2."""
    library = require("ctranslate2", "ctranslate2", EXTRA)
    library.set_log_level(logging.ERROR)
    outline = load_outline(str(staged))
    engine = load_engine(library, out, outline, quantization)
    vocabulary, start = read_vocabulary(out, outline), decoder_start(out, outline)
    try:
        yield CTranslate2Translator(engine, outline, vocabulary, start, prompting, search)
    finally:
        engine.unload_model()
