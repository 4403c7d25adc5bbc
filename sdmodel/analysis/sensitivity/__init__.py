"""Global sensitivity: variance-based indices, screening and one-at-a-time designs."""
