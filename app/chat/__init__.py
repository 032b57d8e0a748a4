"""Answers a chatbot's conversations: over the pipeline, with the chat model that the settings name."""

from app.chat.answering import OUR_MODEL, Chat, ChatRequest, Searching, Told
from app.chat.retrieved import Retrieved

__all__ = ["OUR_MODEL", "Chat", "ChatRequest", "Retrieved", "Searching", "Told"]
