"""The judge's classifier, and how images are augmented for it."""

import torch

from training.data.teachers import ImageNetFeatures
from training.judges.classifier import augmented, new_classifier, train


def test_augmented_images_differ_but_stay_in_range_and_on_white() -> None:
    torch.manual_seed(0)
    images = torch.ones(8, 3, 64, 64)
    images[:, :, 24:40, 24:40] = torch.tensor([0.9, 0.2, 0.1])[:, None, None]
    result = augmented(images)
    assert result.shape == images.shape
    assert result.min() >= 0
    assert result.max() <= 1
    assert not torch.allclose(result, images, atol=0.05)
    corners = torch.stack([result[..., :4, :4], result[..., -4:, -4:]])
    assert corners.mean() > 0.8


def test_the_classifier_tells_the_concepts_apart() -> None:
    torch.manual_seed(0)
    labels = torch.arange(5).repeat(6)
    centres = 2 * torch.randn(5, ImageNetFeatures.WIDTH)
    views = torch.stack([centres[labels] + torch.randn(30, ImageNetFeatures.WIDTH)] * 2).half()
    classifier = new_classifier(5)
    train(classifier, views, labels)
    unseen = centres + torch.randn(5, ImageNetFeatures.WIDTH)
    assert classifier.eval()(unseen).argmax(1).tolist() == [0, 1, 2, 3, 4]
