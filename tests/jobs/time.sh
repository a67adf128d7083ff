ohmr-fem init --kind time pulse.toml
ohmr-fem run pulse.toml --out pulse
