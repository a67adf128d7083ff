"""Whole runs of a device file, a fit and a tensor, each into a results folder."""
