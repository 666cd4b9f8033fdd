import hashlib

import pytest

from engine.models import catalogue
from engine.models.catalogue import CATALOGUE, WeightsError
from tests.engine.random_pair import IMAGENET_YAML


def test_every_published_file_of_a_pair_has_a_size_a_checksum_and_a_mirror() -> None:
    for entry in CATALOGUE.values():
        if not entry.downloads:
            continue
        assert {file.name for file in entry.downloads} == set(entry.files)
        for file in entry.downloads:
            assert file.size > 0
            assert len(bytes.fromhex(file.sha256)) == hashlib.sha256().digest_size
            assert len(set(file.sources)) == len(file.sources) >= 2
            assert all(source.startswith("https://") for source in file.sources)


def test_the_checksum_of_the_yaml_is_that_of_its_published_text() -> None:
    (yaml,) = (file for file in catalogue.IMAGENET.downloads if file.name == "model.yaml")
    assert len(IMAGENET_YAML.encode()) == yaml.size
    assert hashlib.sha256(IMAGENET_YAML.encode()).hexdigest() == yaml.sha256


def test_an_unknown_pair_is_told_which_there_are() -> None:
    with pytest.raises(WeightsError, match=r"no pair 'imagnet'; there are sketch and imagenet\."):
        catalogue.find("imagnet")
