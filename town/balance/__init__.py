"""How the rules of the game pay: players of several habits, simulated with the services' own rule functions.

What a player does stands in strategies.py, who plays in players.py, what the town answers in life.py, a player's days
in play.py, all players in crowd.py. What they came to: figures.py, luck.py and exploit.py; how it is told: tables.py
(CSV) and report.py (a page, with growth.py and fortune.py, of page.py, plots.py and svg.py).
"""
