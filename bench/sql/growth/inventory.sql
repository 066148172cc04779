INSERT INTO wardrobe (user_id) SELECT id FROM grown
