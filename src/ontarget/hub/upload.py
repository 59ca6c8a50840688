"""The Hugging Face Hub: what may be uploaded, and every way in which it may refuse.

The token is the library's: it is neither read, printed nor written here.
"""

from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils._validators import validate_repo_id

from ontarget import artifacts
from ontarget.errors import HubError

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
VOCABULARIES = ("tokenizer.model", "spiece.model", "sentencepiece*.model", "spm*.model", "*.spm")
UPLOADED = (*WEIGHTS, "*.json", "*.txt", "*.md", *VOCABULARIES, "chat_template.jinja")
UNAUTHORIZED, FORBIDDEN = 401, 403


def check_repo_id(repo_id: str) -> None:
    """Raise HubError where `repo_id` names no repository that the Hub could have."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        fault = f" ({artifacts.error_text(error)})"
    else:
        if "/" in repo_id:
            return
        fault = ""
    raise HubError(f"{repo_id}: is no repository of the Hub{fault}; give owner/name")


def check_logged_in() -> None:
    """Raise HubError where nobody is logged in."""
    if get_token() is None:
        raise HubError("the Hub: nobody is logged in on this machine; run `hf auth login`")


def is_uploaded(name: str) -> bool:
    """Whether a file of a model is uploaded: text and safetensors, nothing that runs."""
    return any(fnmatch(name, pattern) for pattern in UPLOADED)


def upload(folder: Path, repo_id: str, *, private: bool) -> str:
    """Make the repository if it is not there, and upload in one commit; its address.

    Weights that are there and not in `folder` are removed: a loader might prefer them.

    Raises:
        HubError: the Hub cannot be reached or refuses, or it is to be private and is not.
    """
    api = HfApi()
    try:
        made = api.create_repo(repo_id, private=private or None, exist_ok=True)
        if not private or api.repo_info(repo_id).private:
            api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                allow_patterns=list(UPLOADED),
                delete_patterns=list(WEIGHTS),
                commit_message="Model and card from ontarget",
            )
            return str(made)
    except Exception as error:  # the many ways in which a hub can disappoint
        raise HubError(f"{repo_id}: {explain_refusal(error)}") from error
    raise HubError(f"{repo_id}: is there already and public; make it private there, or rename")


def explain_refusal(error: Exception) -> str:
    """Why the Hub did not take it, and what to do."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status == UNAUTHORIZED:
        return "the Hub does not know your token; run `hf auth login`"
    if status == FORBIDDEN:
        return "your token may not write there; run `hf auth login` with one that may"
    return (
        f"cannot be uploaded ({artifacts.error_text(error)[:200]}); "
        "look at the network and push again: --dry-run needs none"
    )
