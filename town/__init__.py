"""The operator's side of Nesra Town: making, starting, watching and stopping it."""
