"""Hashes without a key of the rows that migrations write, which have no key at hand: they say what a release says."""

RELEASED = frozenset(
    {
        "2782059481091fd5db60e98a8ea335094a500fdc1e85c5f877dcd0df8f57fb63",
        "1c4d4d624520ac5d729816944483b2501e6cbdfb6c26d8c426f8f37c09dc3a19",
        "dd6f86c610777495d530780c778db538ab377a036015e82a82fa1b3b54a5a948",
        "048ad90061fae05b098e81aa67dde6153b058f3a5285d4fd87a37690a4cba5be",
        "d1c352e94197ba961d58bd801ab2114d94a78b92c949b9bea06906fb4c79e869",
        "50f4d4cc1c33a233283dfb6bad58c61b7525299d9252030b28bf97f9db8a4c49",
        "32141e476666ba786c59cee8ecadc99f110fa595571b5aa4d6de993def77e26a",
        "dde2c4d83856b8b6b25f4a7f76674e50bd06bb4c7fdafdabb96643039a40e51a",
        "79025d4915d967dc46786b74e2eabff3ed82e640b86c532b56ee05c2ab5f83f7",
        "147eba5fe6b116975134355a501a09ef1680dbdeca8930fe2104e4e57f3ab19d",
    }
)
"""The programmes of 2026 (``subsidy_programme``, migration 0004)."""
