"""The configurations in `conf/`, started as they are but for the addresses in them."""

from . import ROOT


def conf(stage, name, addresses):
    """A router with that file; `addresses` says what stands in for those of the file."""
    text = (ROOT / "conf" / name).read_text()
    for written, real in addresses.items():
        assert written in text, f"{name} has no {written}"
        text = text.replace(written, str(real))
    file = stage.directory / name
    file.write_text(text)
    return stage.tidegate(arguments=[file, "--admin", "off"])
