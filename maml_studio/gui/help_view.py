"""Shows Markdown in the window's own fonts and colours."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QFont, QTextBlock, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextBrowser

from . import theme

WIDTH = 330
LINE_PER_CENT = 118
SPACE = 8
INDENT = 16
HEADINGS = {1: 1.45, 2: 1.15, 3: 1.05}
"""How much larger than the text a heading is."""


class HelpView(QTextBrowser):
    """A page of the manual; Tab goes from link to link, Return follows one."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setAccessibleName("Help")
        self.document().setDocumentMargin(10)
        self.document().setIndentWidth(INDENT)

    def sizeHint(self) -> QSize:
        """Wide enough for some ten words in a line."""
        return QSize(WIDTH, 2 * WIDTH)

    def show_markdown(self, text: str) -> None:
        """Show a text from its beginning."""
        self.setMarkdown(text)
        self._space()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _space(self) -> None:
        """Air between lines and paragraphs, and headings that don't shout."""
        size = self.font().pointSizeF()
        block = self.document().begin()
        while block.isValid():
            level = block.blockFormat().headingLevel()
            cursor = QTextCursor(block)
            space = QTextBlockFormat()
            space.setLineHeight(LINE_PER_CENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            space.setTopMargin(SPACE if level > 1 else 0)
            space.setBottomMargin(SPACE // 2 if block.textList() else SPACE)
            cursor.mergeBlockFormat(space)
            if level:
                cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
                shape = cursor.charFormat()
                shape.setFontPointSize(size * HEADINGS.get(level, 1.0))
                shape.setFontWeight(QFont.Weight.DemiBold)
                shape.clearProperty(shape.Property.FontSizeAdjustment)
                cursor.setCharFormat(shape)
            _colour_links(block)
            block = block.next()


def _colour_links(block: QTextBlock) -> None:
    """Qt's reader of Markdown takes the application's colour for links, whatever the palette here says."""
    shape = QTextCharFormat()
    shape.setForeground(theme.current().color("accent"))
    pieces = block.begin()
    places = []
    while not pieces.atEnd():
        piece = pieces.fragment()
        if piece.charFormat().isAnchor():
            places.append((piece.position(), piece.length()))
        pieces += 1
    for place, length in places:
        cursor = QTextCursor(block)
        cursor.setPosition(place)
        cursor.setPosition(place + length, QTextCursor.MoveMode.KeepAnchor)
        cursor.mergeCharFormat(shape)
