"""Measured curves in; parameters with their intervals out."""
