"""Device files: TOML in, frozen device out; every complaint names its key."""
