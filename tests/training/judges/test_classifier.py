"""The judge's classifier learns what it is shown, however that is disturbed."""

import torch

from training.data.teachers import ImageNetFeatures
from training.judges.classifier import disturbed, new_classifier, train


def test_disturbed_images_are_others_within_range_and_still_on_white() -> None:
    torch.manual_seed(0)
    images = torch.ones(8, 3, 64, 64)
    images[:, :, 24:40, 24:40] = torch.tensor([0.9, 0.2, 0.1])[:, None, None]
    seen = disturbed(images)
    assert seen.shape == images.shape
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert not torch.allclose(seen, images, atol=0.05)
    corners = torch.stack([seen[..., :4, :4], seen[..., -4:, -4:]])
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
