"""How much a town can do: measured from outside, over HTTP, on the machine that it runs on."""
