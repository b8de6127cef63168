import logging

from pipelines.console import command_output


def test_a_warning_is_printed_once(capsys):
    with command_output():
        for text in ("one", "two", "one"):
            logging.getLogger("pipelines.build").warning("%s", text)
    assert capsys.readouterr().err == "warning: one\nwarning: two\n"
