#pragma once

namespace iscsi::start {

// SIGTERM, SIGINT and SIGHUP, unless ignored, from note_interruptions() on: the first of them is
// only noted, so that what was started can be ended; one that comes more than two seconds later
// ends this program at once.
void note_interruptions();

bool is_interrupted();

// Ends this program as the noted signal would have.
void end_as_interrupted();

} // namespace iscsi::start
