"""PDF as simple HTML."""
