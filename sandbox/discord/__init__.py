"""The local Discord: state, permissions, REST, gateway and rate limits."""
