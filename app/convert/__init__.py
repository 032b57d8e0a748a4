"""Conversion of what is no web page into simple HTML. Pure: bytes and text in, HTML out; no network, no settings."""
