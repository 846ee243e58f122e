"""The commands as data: where each lives, its section in the overview, and one line about it."""

from __future__ import annotations

BEGIN, PLAN, LOOK, WORK, STEER, CARE = (
    "Begin",
    "Plan",
    "Look",
    "Do the work",
    "Steer",
    "Care",
)
SECTIONS = (BEGIN, PLAN, LOOK, WORK, STEER, CARE)

COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("starting:init", BEGIN, "Begin a town in this repository."),
    "demo": ("demo:demo", BEGIN, "Watch the main job end to end in a temporary repository."),
    "import": ("importing:import_", BEGIN, "Take over a beads JSONL history."),
    "hooks": ("hooks:hooks", BEGIN, "Install, check or remove the git hooks."),
    "bead": ("beads:bead", PLAN, "Add, show, change and close beads."),
    "dep": ("deps:dep", PLAN, "Link beads and look at the links."),
    "create": ("convoys:create", PLAN, "Make a convoy."),
    "add": ("convoys:add", PLAN, "Track more beads in a convoy."),
    "remove": ("convoys:remove", PLAN, "Stop tracking beads."),
    "set": ("convoys:set_", PLAN, "Change a convoy's fields."),
    "stage": ("staging:stage", PLAN, "Analyse an epic, beads or a convoy, and write convoy and plan."),
    "plan": ("staging:plan", PLAN, "Show a convoy's waves."),
    "validate": ("checking:validate", PLAN, "Check every file and the graph."),
    "schema": ("checking:schema", PLAN, "Print the JSON Schema of a kind of file."),
    "tidy": ("tidying:tidy", PLAN, "Write the ledger's facts back into the files."),
    "status": ("status:status", LOOK, "Progress, waves, who works on what, what waits and why."),
    "list": ("lists:list_", LOOK, "List convoys."),
    "ready": ("lists:ready", LOOK, "List beads that could be dispatched now."),
    "blocked": ("lists:blocked", LOOK, "List beads that wait, and for what."),
    "stranded": ("lists:stranded", LOOK, "List convoys that do not move."),
    "workers": ("workers:workers", LOOK, "Who does what since when, and who is idle."),
    "why": ("why:why", LOOK, "The verdict of every rule on one bead."),
    "log": ("log:log", LOOK, "The ledger's events and the files' status changes."),
    "logs": ("logs:logs", LOOK, "What a bead's worker printed."),
    "attach": ("windows:attach", LOOK, "Show a worker's tmux window."),
    "next": ("work:next_", WORK, "The next ready bead; --claim takes it."),
    "mine": ("work:mine", WORK, "The beads you hold."),
    "done": ("work:done", WORK, "Say that a bead is done."),
    "fail": ("work:fail", WORK, "Say that an attempt failed."),
    "heartbeat": ("work:heartbeat", WORK, "Renew the lease of an attempt."),
    "hand-over": ("work:hand_over", WORK, "Push handed-in work and tell your program of it, once more if need be."),
    "prime": ("agents:prime", WORK, "What an agent's bead is, and how to finish it."),
    "onboard": ("agents:onboard", BEGIN, "A snippet for AGENTS.md."),
    "watch": ("watching:watch", STEER, "Be told about a convoy."),
    "unwatch": ("watching:unwatch", STEER, "Be told no more."),
    "launch": ("launching:launch", STEER, "Open a convoy and dispatch what is ready."),
    "sling": ("launching:sling", STEER, "Dispatch beads now."),
    "unsling": ("launching:unsling", STEER, "Take a dispatch back."),
    "feed": ("launching:feed", STEER, "Dispatch what is ready, up to capacity."),
    "close": ("steering:close", STEER, "Close a convoy."),
    "reopen": ("steering:reopen", STEER, "Open a closed convoy again."),
    "land": ("steering:land", STEER, "Close an owned convoy as its owner."),
    "kill": ("killing:kill", STEER, "End a worker and all that it started."),
    "pause": ("steering:pause", STEER, "No new work for a convoy, or for all."),
    "resume": ("steering:resume", STEER, "Let a paused convoy, or all, go on."),
    "scan": ("care:scan", CARE, "Find and repair what stalls."),
    "check": ("care:check", CARE, "Complete the convoys that are complete."),
    "doctor": ("doctor:doctor", CARE, "Look for what is not as it should be here, and mend it."),
}
"""Name -> (module:attribute below `gitconvoy.cli`, section, one line)."""

HIDDEN: dict[str, tuple[str, str, str]] = {
    "hook-run": ("internal:hook_run", "", "What the installed hooks call."),
    "reap": ("internal:reap", "", "Ends what is left of attempts."),
    "supervise": ("internal:supervise", "", "What a started worker's supervisor runs."),
    "run-in-window": ("windows:run_in_window", "", "What a worker's tmux window runs first."),
    "window-log": ("windows:window_log", "", "Keeps what a tmux window prints."),
    "deliver": ("watching:deliver", "", "Delivers notices, detached."),
}
