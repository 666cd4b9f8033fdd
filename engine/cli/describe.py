"""`python -m engine describe`: prints prompts that describe an image, without Discord."""

import argparse
from pathlib import Path
from typing import Any

from core.description import MAX_DESCRIPTIONS
from core.settings import OWN, PerceptorChoice, Settings


def add_parser(commands: Any) -> None:
    describe = commands.add_parser("describe", help="print prompts that describe an image")
    describe.set_defaults(command=run)
    describe.add_argument("file", type=Path, metavar="FILE", help="PNG, JPEG, WebP or GIF")
    describe.add_argument(
        "--model", help="default: the setting MODEL; `weights list` lists all models"
    )


def run(parsed: argparse.Namespace, settings: Settings) -> int:
    """Prints each prompt's similarity and text, the most similar first."""
    from core.storage.uploaded_images import check_size, decode_image
    from engine.describer import Describer
    from engine.device import choose_device, use_cores
    from engine.models import catalogue, weights
    from engine.models.model import load_perceptors
    from engine.phrases import phrase_bank

    check_size(parsed.file.stat().st_size)  # before reading it
    image = decode_image(parsed.file.read_bytes())
    device = choose_device(settings.device)
    use_cores()
    entry = catalogue.find(parsed.model or settings.model)
    folder = entry.folder(settings.data_dir)
    choices = settings.perceptors or [PerceptorChoice(OWN, 1.0)]
    checksums = weights.checksums(entry, folder)
    perceptor, _ = load_perceptors(choices, entry, folder, checksums, {})
    describer = Describer(perceptor.to(device), phrase_bank(entry.name), device)
    for description in describer.describe(image)[:MAX_DESCRIPTIONS]:
        print(f"{description.similarity:.3f}  {description.prompt}")
    return 0
