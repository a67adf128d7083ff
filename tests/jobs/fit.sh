ohmr-fem init --kind fit bar.toml
ohmr-fem data bar_data.csv
ohmr-fem fit bar_data.csv bar.toml --out fit
