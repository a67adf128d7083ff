"""Warnings in the words of a device file: what to change there, in place of an argument."""

from __future__ import annotations

#: What a warning of the package says, and what it is called in a file.
WORDS = {
    "use Problem(coupling='full')": '[solve] coupling = "full" takes all orders',
    "coupling='full' would take": 'coupling = "full" would take',
    "Problem(ordinary_hall=True) adds them": (
        "[solve] ordinary_hall = true adds them, with a mobility in [material]"
    ),
    "detection='reciprocal'": '[solve] detection = "reciprocal"',
    "interface='density'": '[solve] interface = "density"',
    "the default interface='accumulation'": 'the default "accumulation"',
    "give resistivity and Problem(film=of.Film(...))": (
        "give a [film] with its thickness, and a resistivity in [material] in place of the sheet "
        "conductivity"
    ),
    "refine the mesh at its edges, or raise the order": (
        "a finer mesh in [mesh], a smaller resolve in [cross_section] or [channel], a higher order "
        "in [solve], or accuracy there for a device with contacts"
    ),
    "use method='direct' or": 'take [solve] method = "direct" or',
    ", or method='stepping'": "",
    "solve_to stopped": "[solve] accuracy: stopped",
    "give a larger one, another order": "give a larger [solve] budget, another order",
}


def in_file(note: object) -> str:
    """A warning as somebody reads it who has a device file before him."""
    text = str(note)
    for argument, words in WORDS.items():
        text = text.replace(argument, words)
    return text
