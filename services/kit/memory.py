"""How often Python looks for garbage that only refers to itself."""

import gc

# A batch makes thousands of objects, and nearly all of them are gone by themselves. The
# default of 700 would walk through them several times in every batch.
THRESHOLDS = (50_000, 20, 50)


def settle() -> None:
    """Takes what a process keeps for ever out of the search; call it before serving."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
