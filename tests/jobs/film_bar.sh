ohmr-fem init --kind film-bar film.toml
ohmr-fem check film.toml
ohmr-fem run film.toml
