"""What players own and wear, and the catalogue of what can be owned at all."""
