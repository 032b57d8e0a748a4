"""The wire formats: one small router for each, its models beside it."""
