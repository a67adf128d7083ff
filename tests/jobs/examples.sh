ohmr-fem examples
ohmr-fem examples study.toml
ohmr-fem check examples/hall_bar.toml
