"""A language model for LlamaIndex that says what it was told."""

from typing import Any

from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback


class SaysIt(CustomLLM):
    """Its answer is its prompt."""

    @property
    def metadata(self) -> LLMMetadata:
        """Room for every prompt."""
        return LLMMetadata(context_window=100_000)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The prompt."""
        return CompletionResponse(text=prompt)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The prompt, at once."""
        yield CompletionResponse(text=prompt, delta=prompt)
