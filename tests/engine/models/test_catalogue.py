import hashlib
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from engine.models import catalogue
from engine.models.catalogue import CATALOGUE, Entry, WeightsError
from engine.models.vqgan import VQGAN
from engine.synthesis.config import CONFIGS
from tests.engine.random_pair import COCO_YAML, GUMBEL_YAML, IMAGENET_YAML

YAML = [
    (catalogue.find("imagenet"), IMAGENET_YAML),
    (catalogue.find("gumbel"), GUMBEL_YAML),
    (catalogue.find("coco"), COCO_YAML),
]


def test_every_published_file_has_a_mirror_and_all_but_two_have_a_checksum() -> None:
    without_checksum = set()
    for entry in CATALOGUE.values():
        if not entry.downloads:
            continue
        assert {file.name for file in entry.downloads} == set(entry.files)
        for file in entry.downloads:
            assert file.size is None or file.size > 0
            assert file.licence
            assert len(set(file.sources)) == len(file.sources) >= 2
            assert all(source.startswith("https://") for source in file.sources)
            if file.sha256 is None:
                without_checksum.add(f"{entry.name}/{file.name}")
            else:
                assert len(bytes.fromhex(file.sha256)) == hashlib.sha256().digest_size
    assert without_checksum == {"imagenet-1024/model.yaml", "imagenet-1024/last.ckpt"}


@pytest.mark.parametrize(("entry", "text"), YAML, ids=lambda value: getattr(value, "name", ""))
def test_the_checksum_of_a_yaml_matches_its_published_text(entry: Entry, text: str) -> None:
    (yaml,) = (file for file in entry.downloads if file.name == entry.config)
    assert len(text.encode()) == yaml.size
    assert hashlib.sha256(text.encode()).hexdigest() == yaml.sha256


@pytest.mark.parametrize(("entry", "text"), YAML, ids=lambda value: getattr(value, "name", ""))
def test_the_published_checkpoint_has_room_for_the_vqgan_in_its_yaml(
    entry: Entry, text: str
) -> None:
    model = OmegaConf.to_container(OmegaConf.create(text))["model"]
    params = model["params"]
    with torch.device("meta"):
        vqgan = VQGAN(
            params["ddconfig"], params["embed_dim"], params["n_embed"], "Gumbel" in model["target"]
        )
    size = sum(4 * value.numel() for value in vqgan.state_dict().values())
    (checkpoint,) = (file for file in entry.downloads if file.name == entry.vqgan)
    assert checkpoint.size is not None
    assert size < checkpoint.size < 4 * size  # with the training losses and Adam's two moments
    if entry is catalogue.find("coco"):  # only the weights and their names
        assert checkpoint.size - size < 500_000


def test_every_model_has_a_config() -> None:
    assert set(CONFIGS) == set(CATALOGUE)


def test_the_error_for_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(
        WeightsError, match=r"no model 'imagnet'; there are sketch, .* and wikiart\."
    ):
        catalogue.find("imagnet")


def test_the_included_weights_together_take_at_most_64_megabytes() -> None:
    included = [entry for entry in CATALOGUE.values() if entry.embedded]
    files = [entry.folder(Path()) / name for entry in included for name in entry.files]
    assert {entry.name for entry in included} == {"picturebook", "sketch"}
    assert sum(file.stat().st_size for file in files) <= 64_000_000
