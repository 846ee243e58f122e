"""What people ask for about convoys: launch, sling, feed, close, reopen, land, pause (SPEC 7, 8)."""
