"""The networks: VQGANs, CLIPs, priors, and how their weights are found and loaded."""

import warnings

# clip uses a deprecated package to read torch's version; a host can't change that.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
