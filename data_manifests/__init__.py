"""One TOML manifest per public dataset: what it holds, its source and its checks. Never the data."""
