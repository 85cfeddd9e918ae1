#pragma once

#include <string>

namespace iscsid::disk {

// Lets go of the FUSE mounts on files of a folder whose server is dead, and of the loop devices
// over them: the kernel removes both as soon as nobody uses them any more, and nobody needs to
// look. A mount whose server lives is not touched, and neither is one that is kept for the next
// daemon, unless `ended` is its path: no question to it would be answered. To be called while
// nobody makes mounts there.
void let_go_of_dead(const std::string& folder, const std::string& ended = {});

// The same for a process that outlives the daemon, which locks the folder as long as it lives:
// waits some seconds for that lock. Whoever has it then cleans up himself.
void let_go_when_unlocked(const std::string& folder);

} // namespace iscsid::disk
