"""Export of a saved model as a repository of the Hugging Face Hub."""

import shutil
from pathlib import Path

from hamiltone.files import atomic_path
from hamiltone.networks import CARD_HEADER, bundle_card, check_bundle_place, load_recognizer

from ._errors import ServiceError


def export_hub(model: Path | str, folder: Path | str) -> Path:
    """Write a saved recogniser as a folder to be uploaded: README.md with a header, config.json, model.safetensors.

    What else lies beside the weights (a licence, pictures of the card) comes with them. The folder loads as the model
    itself does: ``Predictor(folder)``.

    Args:
        model: folder of the saved recogniser.
        folder: where it goes; an older export is replaced.

    Returns:
        The folder.

    Raises:
        BundleError: the model cannot be loaded, or the folder may not take one (``check_bundle_place``).
        ServiceError: it would replace the model itself, or the model's card has a header that cannot be read.
    """
    import yaml  # noqa: PLC0415
    from huggingface_hub import ModelCard  # noqa: PLC0415 - takes longer to import than a prediction to make

    model, folder = Path(model), Path(folder)
    load_recognizer(model)
    if folder.resolve() == model.resolve():
        raise ServiceError(f"{folder}: is the model itself; name another folder")
    check_bundle_place(folder)
    try:
        card = ModelCard(bundle_card(model) or f"# {model.name}\n", ignore_metadata_errors=False)
    except (ValueError, yaml.YAMLError) as error:
        raise ServiceError(f"{model / 'README.md'}: its header cannot be read: {error}") from None
    for name, value in CARD_HEADER.items():
        if card.data.get(name) is None:
            setattr(card.data, name, value)
    with atomic_path(folder) as draft:
        shutil.copytree(model, draft, ignore=shutil.ignore_patterns(".*", "*.onnx"))
        (draft / "README.md").write_text(str(card), encoding="utf-8")
    return folder
