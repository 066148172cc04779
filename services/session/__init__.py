"""What the player did and earned: tasks, sessions, the hero's level, exp and gold."""
