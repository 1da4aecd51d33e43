import itertools
import re
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QPalette
from PySide6.QtWidgets import QCheckBox, QRadioButton, QToolButton

from maml_studio import paths
from maml_studio.gui import icons, theme

SCHEMES = {"dark": theme.DARK, "light": theme.LIGHT}
ICONS = sorted(file.stem for file in paths.resource("icons").glob("*.svg"))
WORDS = ("text", "muted", "accent", "support", "query", "inner", "outer", "before", "after", "good", "bad", "warning")
# How a colour looks without the long, the middle or the short cones (Machado, Oliveira & Fernandes 2009, severity 1).
VISION = {
    "full": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(colour):
    value = np.array(QColor(colour).getRgbF()[:3])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.1's contrast ratio."""
    dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light + 0.05) / (dark + 0.05)


def difference(one, other, vision):
    """CIE 1976's colour difference, as somebody with that vision sees it."""

    def lab(colour):
        rgb = np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1)
        xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
        x, y, z = np.cbrt(xyz / [0.9505, 1, 1.089])
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    return float(np.linalg.norm(lab(one) - lab(other)))


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
class TestSchemes:
    def test_every_colour_is_one(self, scheme):
        for field in fields(scheme):
            if field.name != "name":
                value = getattr(scheme, field.name)
                for colour in value if isinstance(value, tuple) else (value,):
                    assert re.fullmatch("#[0-9a-f]{6}", colour), field.name

    @pytest.mark.parametrize("ground", ["window", "panel", "raised"])
    @pytest.mark.parametrize("role", WORDS)
    def test_words_can_be_read(self, scheme, role, ground):
        assert contrast(getattr(scheme, role), getattr(scheme, ground)) >= 4.5

    def test_words_on_the_accent_and_ink_on_paper_can_be_read(self, scheme):
        assert contrast(scheme.on_accent, scheme.accent) >= 4.5
        assert contrast(scheme.canvas_ink, scheme.canvas_paper) >= 12

    def test_fields_and_curves_stand_out(self, scheme):
        assert contrast(scheme.outline, scheme.panel) >= 3
        assert contrast(scheme.outline, scheme.window) >= 3 or scheme is theme.LIGHT
        assert all(contrast(colour, scheme.panel) >= 3 for colour in scheme.runs)

    @pytest.mark.parametrize("vision", VISION)
    @pytest.mark.parametrize(
        ("one", "other"),
        [("support", "query"), ("inner", "outer"), ("before", "after"), ("good", "bad")],
    )
    def test_pairs_differ_for_every_eye(self, scheme, vision, one, other):
        assert difference(getattr(scheme, one), getattr(scheme, other), vision) >= 20

    def test_runs_differ_from_each_other(self, scheme):
        assert len(scheme.runs) >= 8
        assert min(difference(a, b, "full") for a, b in itertools.combinations(scheme.runs, 2)) >= 15


def test_apply_changes_palette_and_style_and_says_so(themed, qtbot):
    manager = theme.manager()
    with qtbot.waitSignal(manager.changed):
        assert theme.apply(themed, "light") is theme.LIGHT
    assert (theme.current(), manager.choice, manager) == (theme.LIGHT, "light", theme.manager())
    assert themed.palette().color(QPalette.ColorRole.Window) == QColor(theme.LIGHT.window)
    assert theme.LIGHT.accent in themed.styleSheet()
    assert "$" not in themed.styleSheet()
    with qtbot.assertNotEmitted(manager.changed):
        theme.apply(themed, "light")


def test_system_follows_what_qt_reports(themed):
    # Offscreen, Qt reports none: that is the light one. Where it reports dark, the same comparison gives the dark one.
    assert theme.apply(themed, "system") is theme.LIGHT
    assert theme.manager().choice == "system"


def test_another_word_is_refused_and_changes_nothing(themed):
    with pytest.raises(ValueError, match='"system", "dark" or "light"'):
        theme.apply(themed, "blue")
    assert theme.manager().choice == "dark"


def test_pyqtgraph_waits_and_takes_the_colours(themed):
    code = "import sys, maml_studio.gui.theme, maml_studio.gui.canvas; sys.exit('pyqtgraph' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    pyqtgraph = theme.pyqtgraph()
    assert pyqtgraph.getConfigOption("background") == theme.DARK.panel
    theme.apply(themed, "light")
    assert pyqtgraph.getConfigOption("background") == theme.LIGHT.panel


def colours(icon, mode=QIcon.Mode.Normal, size=32):
    image = icon.pixmap(QSize(size, size), 1.0, mode).toImage()
    points = itertools.product(range(image.width()), range(image.height()))
    return {c.name() for c in (image.pixelColor(*p) for p in points) if c.alpha() == 255}


@pytest.mark.parametrize("name", ICONS)
def test_icons_take_their_role_and_the_scheme(themed, name):
    icon = icons.icon(name, "support")
    if name == "app":
        assert len(colours(icon)) > 3
        return
    assert colours(icon) == {theme.DARK.support}
    assert not colours(icon, QIcon.Mode.Disabled)  # faint: nothing is opaque
    theme.apply(themed, "light")
    assert colours(icon) == {theme.LIGHT.support}


def test_icons_are_painted_at_the_screens_own_pixels(themed):
    pixmap = icons.icon("play").pixmap(QSize(20, 20), 2.0)
    assert (pixmap.width(), pixmap.devicePixelRatio()) == (40, 2.0)


def test_an_icon_outlives_what_qt_does_with_it(themed, qtbot):
    button = QToolButton()
    qtbot.addWidget(button)
    for _ in range(200):
        icon = icons.icon("play")
        copy = QIcon(icon)
        copy.addPixmap(icon.pixmap(16, 16))  # makes Qt clone the engine
        button.setIcon(copy)
        del icon, copy
        assert not button.grab().isNull()


def test_an_unknown_icon_is_refused():
    with pytest.raises(ValueError, match="no icon 'plya'"):
        icons.icon("plya")


@pytest.mark.parametrize("choice", ["dark", "light"])
@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
def test_a_tick_is_seen_where_nothing_can_be_changed(themed, qtbot, choice, kind):
    theme.apply(themed, choice)
    looks = []
    for ticked in (True, False):
        box = kind()
        qtbot.addWidget(box)
        box.setAutoExclusive(False)
        box.setChecked(ticked)
        box.setEnabled(False)
        box.resize(16, 16)
        looks.append(box.grab().toImage())
    light = [[QColor(image.pixel(x, y)).lightnessF() for x in range(2, 14) for y in range(2, 14)] for image in looks]
    assert max(abs(on - off) for on, off in zip(*light, strict=True)) > 0.25
