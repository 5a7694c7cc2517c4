"""How fast the tool is, beside others, on real applications. See README.md."""
