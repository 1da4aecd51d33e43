"""The line in which pages say what happened."""

from maml_studio.gui.message import Message


def test_it_is_there_while_there_is_something_to_say_in_the_colour_of_what_it_means(qtbot, themed):
    message = Message()
    qtbot.addWidget(message)
    assert message.isHidden()
    message.say("It went wrong.", "bad")
    assert (message.text(), message.property("role"), message.isHidden()) == ("It went wrong.", "bad", False)
    bad = message.grab().toImage()
    message.say("It went wrong.")
    assert message.grab().toImage() != bad
    message.say("")
    assert message.isHidden()
