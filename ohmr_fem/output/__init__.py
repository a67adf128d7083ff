"""What leaves the package: files, ParaView, figures, records."""
