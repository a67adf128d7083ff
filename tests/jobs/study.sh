ohmr-fem init --kind study study.toml
ohmr-fem study study.toml
