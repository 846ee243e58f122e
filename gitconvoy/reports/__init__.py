"""What commands answer: pure JSON shapes over the state, the rules and the history (SPEC 8)."""
