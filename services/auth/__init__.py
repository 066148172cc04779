"""Who the player is: accounts, logins, and the tokens that prove them."""
