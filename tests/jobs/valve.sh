ohmr-fem init --kind valve valve.toml
ohmr-fem run valve.toml --out valve
