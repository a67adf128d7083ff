ohmr-fem init --kind van-der-pauw sheet.toml
ohmr-fem run sheet.toml --out first
ohmr-fem run sheet.toml --out again
ohmr-fem compare first again --out first
