"""One Lightning module for each network of the embedded model, in the order of training."""
