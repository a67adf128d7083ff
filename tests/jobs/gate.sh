ohmr-fem init --kind gate gate.toml
ohmr-fem run gate.toml --out gate
