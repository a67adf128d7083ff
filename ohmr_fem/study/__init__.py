"""Studies: a device over any parameters, resumable point by point."""
