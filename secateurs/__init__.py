"""A client of a Secateurs service, and the retrievers of three ecosystems that stand on it.

    secateurs.client        asks a service: `Client().search("When are old roses cut?")`
    secateurs.langchain     the same as LangChain's retriever, extra "langchain"
    secateurs.llamaindex    as LlamaIndex's, extra "llamaindex"
    secateurs.haystack      as a component of Haystack, extra "haystack"

It knows the service by its HTTP API alone: of this project it imports nothing else, and of others httpx2.
"""

from secateurs.answer import Answer, Page
from secateurs.client import Client
from secateurs.errors import Refused, ServiceError, TimedOut, UnexpectedAnswer, Unreachable

__all__ = ["Answer", "Client", "Page", "Refused", "ServiceError", "TimedOut", "UnexpectedAnswer", "Unreachable"]
