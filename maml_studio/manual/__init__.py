"""The manual: one text for the window's help and for ``maml-studio explain``, made from the settings themselves and ``resources/help``."""

from .topics import GROUPS, Topic, field_topic, find, search, topic, topics

__all__ = ["GROUPS", "Topic", "field_topic", "find", "search", "topic", "topics"]
