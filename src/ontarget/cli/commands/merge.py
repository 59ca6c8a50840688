"""A model and its adapter as one model."""

from pathlib import Path

from ontarget import artifacts
from ontarget.models import adapters, loading


def run(model: str, adapter: Path, out: Path) -> None:
    """Write the merged model into `out`, whole or not at all.

    Raises:
        OnTargetError: the model or the adapter cannot be used, or `out` cannot be written.
    """
    loaded = loading.load_model(model)
    merged = adapters.merge_adapter(adapters.load_adapter(loaded.model, adapter))
    with artifacts.publish_folder(out) as partial:
        loading.save_model(loading.LoadedModel(merged, loaded.tokenizer), partial)
