"""Every mutant, by the part of the project that it is planted in."""

from tests.mutants import auth, gateway, inventory, kit, rules, session, world

MUTANTS = (
    *session.MUTANTS,
    *world.MUTANTS,
    *inventory.MUTANTS,
    *auth.MUTANTS,
    *kit.MUTANTS,
    *gateway.MUTANTS,
    *rules.MUTANTS,
)
