"""The words in which a page says what happened."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel


class Message(QLabel):
    """A sentence in the colour of what it means; hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hide()

    def say(self, words: str, role: str = "muted") -> None:
        """Say something; nothing hides it.

        Args:
            words: the sentence.
            role: ``muted``, ``good``, ``warning`` or ``bad``.
        """
        self.setText(words)
        self.setVisible(bool(words))
        if self.property("role") != role:
            self.setProperty("role", role)
            # The style sheet looks at a property only once.
            self.style().unpolish(self)
            self.style().polish(self)
