"""The Hugging Face Hub: which files are uploaded, and what each failure means.

The access token stays inside huggingface_hub: it is never read, printed or written here.
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
    """Raise HubError unless `repo_id` is a valid `owner/name`."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        reason = f" ({artifacts.error_text(error)})"
    else:
        if "/" in repo_id:
            return
        reason = ""
    raise HubError(f"{repo_id}: is not a repository id of the Hub{reason}; give owner/name")


def check_logged_in() -> None:
    """Raise HubError without an access token."""
    if get_token() is None:
        raise HubError("the Hub: not logged in on this machine; run `hf auth login`")


def is_uploaded(name: str) -> bool:
    """Whether a model file is uploaded: text and safetensors, nothing that can run code."""
    return any(fnmatch(name, pattern) for pattern in UPLOADED)


def upload(folder: Path, repo_id: str, *, private: bool) -> str:
    """Create the repository if necessary, upload in one commit, and return its address.

    Remote weights that are not in `folder` are deleted: a loader might prefer them.

    Raises:
        HubError: the Hub is unreachable or rejects the request, or `private` and the repository
            is public already.
    """
    api = HfApi()
    try:
        address = api.create_repo(repo_id, private=private or None, exist_ok=True)
        if not private or api.repo_info(repo_id).private:
            api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                allow_patterns=list(UPLOADED),
                delete_patterns=list(WEIGHTS),
                commit_message="Model and card from ontarget",
            )
            return str(address)
    except Exception as error:  # the library raises many kinds
        raise HubError(f"{repo_id}: {explain_refusal(error)}") from error
    raise HubError(f"{repo_id}: exists already and is public; make it private or rename")


def explain_refusal(error: Exception) -> str:
    """The reason of a failed upload and its remedy."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status == UNAUTHORIZED:
        return "the Hub does not accept your token; run `hf auth login`"
    if status == FORBIDDEN:
        return "your token has no write access; run `hf auth login` with one that has"
    return (
        f"the upload failed ({artifacts.error_text(error)[:200]}); "
        "check the network and push again (--dry-run needs no network)"
    )
