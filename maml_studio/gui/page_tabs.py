"""The pages, one of them on show, and the row of tabs that chooses it."""

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QTabBar, QWidget


class PageTabs(QStackedWidget):
    """Pages whose tabs stand in a row of their own, which stays where it is whatever a page has beside it.

    Attributes:
        bar: the row of tabs, for the window to place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bar = QTabBar()
        self.bar.setDocumentMode(True)
        self.bar.setExpanding(False)
        self.bar.currentChanged.connect(self.setCurrentIndex)
        self.currentChanged.connect(self.bar.setCurrentIndex)
        self.currentChanged.connect(self._fit)
        self.setFocusProxy(self.bar)

    def add_page(self, page: QWidget, picture: QIcon, title: str) -> None:
        """Put a page behind the others."""
        self.addWidget(page)
        self.bar.addTab(picture, title)
        self._fit()

    def remove_page(self, page: QWidget) -> None:
        """Take a page out; it goes on living."""
        index = self.indexOf(page)
        self.removeWidget(page)
        self.bar.removeTab(index)

    def titles(self) -> list[str]:
        """What the tabs say."""
        return [self.bar.tabText(index) for index in range(self.bar.count())]

    def _fit(self) -> None:
        """Let the page on show alone say how small the window may be; the others would keep it as wide as the widest of them."""
        for index in range(self.count()):
            shown = index == self.currentIndex()
            policy = QSizePolicy.Policy.Preferred if shown else QSizePolicy.Policy.Ignored
            self.widget(index).setSizePolicy(policy, policy)
