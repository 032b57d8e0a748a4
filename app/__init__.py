"""The service around the pruning core: search, fetch, prune, answer. Start reading at `app.pipeline`."""
