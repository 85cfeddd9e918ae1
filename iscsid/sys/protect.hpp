#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace iscsid::sys {

// Keeps the process alive and its memory present while the kernel is short of it: memory reclaim
// may wait for a disk that only we can serve. PR_SET_IO_FLUSHER (inherited by threads that start
// later, so call this first), oom_score_adj -1000, as many open files as are allowed, and a heap
// that has what a reconnection takes. What the system refuses, as containers do, is given back as
// one warning each.
std::vector<std::string> protect_process();

// Keeps what the process has touched, and will touch, in memory, but for payload buffers. Once the
// process is whose it stays (become()): what may be locked depends on that.
std::vector<std::string> lock_memory();

// Reads what of the program and its libraries is not in memory yet, so that no page of them is
// asked of a disk that nobody but this process is going to serve. lock_memory() keeps it there.
// Kernels before 5.14 do not.
void bring_in_program();

// So many bytes are there for later allocations of all threads, present (and locked, where memory
// is), and are not given back to the kernel. To be called before there is another thread.
void reserve_heap(std::size_t bytes);

// Gives the free memory of the heap back to the kernel, but for that of the reserve: malloc does so
// only with what lies at its end. For after the end of sessions; takes milliseconds.
void return_free_memory();

} // namespace iscsid::sys
