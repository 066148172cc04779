"""What the player's town became: rooms, counted sessions, the streak of days."""
