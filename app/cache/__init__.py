"""What need not be done twice: pages fetched, pages read, and passages embedded."""

from app.cache.entries import Cache
from app.cache.tables import Tables
from app.cache.vectors import CachedEmbedder

__all__ = ["Cache", "CachedEmbedder", "Tables"]
