ohmr-fem init --kind gds chip.toml
ohmr-fem check chip.toml
ohmr-fem run chip.toml --out chip
