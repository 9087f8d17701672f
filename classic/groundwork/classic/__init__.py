"""Classic models: trained, gated and released by the same rules as everything else."""
