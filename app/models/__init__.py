"""Models behind HTTP: embedding servers, and the tokenizer of a served model."""
