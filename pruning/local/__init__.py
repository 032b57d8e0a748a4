"""Models that run in this process [extra "local"]. Nothing here imports torch before a model is used."""
