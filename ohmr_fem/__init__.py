"""ohmr_fem: finite elements for orbital Hanle magnetoresistance."""

__version__ = "0.1.0"
