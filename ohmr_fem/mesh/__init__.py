"""Meshes of devices: files, generators, grids, checks, refinement."""
