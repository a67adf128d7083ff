ohmr-fem init --kind thickness series.toml
ohmr-fem --json study series.toml
