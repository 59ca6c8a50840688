"""A model and its adapter as one model."""

from pathlib import Path

from ontarget import adapters, artifacts, models


def run(model: str, adapter: Path, out: Path) -> None:
    """Write the merged model into `out`, whole or not at all.

    Raises:
        OnTargetError: the model or the adapter cannot be used, or `out` cannot be written.
    """
    loaded = models.load(model)
    merged = adapters.merge(adapters.loaded(loaded.model, adapter))
    with artifacts.publishing(out) as partial:
        models.save(models.Loaded(merged, loaded.tokenizer), partial)
