"""Training: losses, optimisers, distribution, the paper's stages, run directories."""
