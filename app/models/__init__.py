"""Models: embedding servers, vLLM, chat models and served tokenizers behind HTTP, and those of this process."""
