#!/usr/bin/python3
"""Writes the manual page org.espat1(5), in scdoc's language, from the comments in the XML files of the D-Bus interfaces.

Usage: manual_page.py PAGE.scd FILE.xml …

The comment before <node> is about the interface; the one before a property, method or signal is about that. In it "@name: …" begins what is
said of an argument, "Errors: …" what is said of errors. Everything must be described, every argument, too.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

INTRODUCTION = """org.espat1(5)

# NAME

org.espat1 - the D-Bus interfaces of espatd

# DESCRIPTION

*espatd*(8) is *org.espat1* on the system bus. Its objects are _/org/espat1_ and one below _/org/espat1/module_ for each module, which has the
interfaces that the module supports, as _org.freedesktop.DBus.ObjectManager_ on _/org/espat1_ tells. This page is made from the
interfaces' own descriptions, which are installed in _/usr/share/dbus-1/interfaces_.
"""


def escape(text):
    """Words as they are: scdoc takes underscores and asterisks for marks. A line may end inside a word with a hyphen."""
    text = re.sub(r"(?<=\w)-\s*\n\s*(?=\w)", "-", text)
    text = re.sub(r"([\\*_`])", r"\\\1", " ".join(text.split()))
    return re.sub(r"^([-#.|\]\[])", r"\\\1", text)


def paragraphs(comment):
    """What a comment says, and what it says of each argument."""
    description, *arguments = re.split(r"(?:^|\s)@?((?<=@)\w+|Errors):\s", comment)
    return description, list(zip(arguments[::2], arguments[1::2]))


def signature(element):
    given = ", ".join(f"{arg.get('type')} _{escape(arg.get('name'))}_" for arg in element.iter("arg") if arg.get("direction") != "out")
    returned = ", ".join(f"{arg.get('type')} _{escape(arg.get('name'))}_" for arg in element.iter("arg") if arg.get("direction") == "out")
    return f"*{element.get('name')}* ({given})" + (f" → ({returned})" if returned else "")


def entry(element, comment):
    if element.tag == "property":
        title = f"*{element.get('name')}* {element.get('type')}" + ("" if element.get("access") == "read" else ", may be written")
    else:
        title = signature(element)
    description, arguments = paragraphs(comment)
    missing = {arg.get("name") for arg in element.iter("arg")} - {name for name, _ in arguments}
    if missing:
        raise ValueError(f"{element.get('name')}: nothing is said of {', '.join(sorted(missing))}")
    lines = [title, "\t" + escape(description)]
    for name, text in arguments:
        lines += ["", f"\t_{escape(name)}_: {escape(text)}"]
    return "\n".join(lines) + "\n"


def about_interface(name, comment, said):
    """The paragraphs about an interface. What was said of another one in the same words, of errors and access, is not repeated."""
    for paragraph in (escape(part) for part in comment.strip().split("\n\n")):
        first = said.setdefault(paragraph, name)
        yield (paragraph if first == name else f"Errors, options and who is admitted: as said of *{first}*.") + "\n"


def interface(path, said):
    text = path.read_text(encoding="utf-8")
    about = re.search(r"<!--(.*?)-->\s*<node", text, re.DOTALL)
    builder = ElementTree.TreeBuilder(insert_comments=True)
    root = ElementTree.fromstring(text, ElementTree.XMLParser(target=builder))
    found = root.find("interface")
    entries = {"property": [], "method": [], "signal": []}
    comment = ""
    for element in found:
        if element.tag is ElementTree.Comment:
            comment = element.text
        elif element.tag in entries:
            if not comment:
                raise ValueError(f"{path.name}: {element.tag} {element.get('name')} has no comment")
            entries[element.tag].append(entry(element, comment))
            comment = ""
    parts = [f"# {found.get('name').upper()}\n"]
    parts += about_interface(found.get("name"), about.group(1), said)
    for tag, title in (("property", "Properties"), ("method", "Methods"), ("signal", "Signals")):
        if entries[tag]:
            parts += [f"## {title}\n", *entries[tag]]
    return "\n".join(parts)


def main():
    said = {}
    pages = [interface(pathlib.Path(name), said) for name in sys.argv[2:]]
    see_also = "# SEE ALSO\n\n*espatd*(8), *espatctl*(1), *busctl*(1)\n"
    pathlib.Path(sys.argv[1]).write_text("\n".join([INTRODUCTION, *pages, see_also]), encoding="utf-8")


if __name__ == "__main__":
    main()
