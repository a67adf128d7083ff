ohmr-fem init --kind model graphene.toml
ohmr-fem xtensor graphene.toml --out X
