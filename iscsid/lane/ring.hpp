#pragma once

#include "libiscsi/core/parameters.hpp"

#include <sys/uio.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace iscsid::lane {

// Hears of the end of one operation: result as of the system call (≥ 0), or -errno. `operation`
// is what the caller passed when it started it.
class ring_client {
  public:
    virtual ~ring_client() = default;
    virtual void ring_done(std::uint32_t operation, std::int32_t result) = 0;
};

// Whether the end of an operation ends a sleep of the ring. A quiet one that succeeds as a whole
// may be told as late as with what ends next, or after longest_silence: it spares a system call and
// a wake-up where nobody waits for it. One that fails, or moves only a part, ends the sleep.
enum class ending : std::uint8_t { wakes, quiet };

inline constexpr auto longest_silence = std::chrono::milliseconds(100);

// What an IORING_OP_URING_CMD carries in an SQE of the usual size.
using command_field = std::array<std::byte, 16>;

// A command whose field needs an SQE of double size, with buffers that the driver is to know: they
// and their array stay until its end, or longer, as the driver has it.
struct wide_command {
    std::uint32_t opcode = 0;
    std::array<std::byte, 24> field{};
    std::span<const iovec> buffers{};
};

// The few I/O operations that a lane needs, one thread only. Two implementations: io_uring
// (ring_uring) and epoll (ring_epoll), for kernels and containers that refuse io_uring.
// Every started operation ends in one ring_done(), also after cancel(), and never from inside the
// function that started it. Memory, iovec arrays included, must stay until then, and the descriptor
// open. Descriptors of read() and write_vector() must be non-blocking; sockets may be either.
class ring {
  public:
    virtual ~ring() = default;

    virtual void read(int fd, iscsi::mutable_bytes into, ring_client& who, std::uint32_t op) = 0;
    // `to` takes all of it or nothing, as /dev/fuse does, when its end is quiet.
    virtual void write_vector(
        int to, std::span<const iovec> from, ring_client& who, std::uint32_t op, ending end
    ) = 0;
    virtual void
    receive_vector(int socket, std::span<const iovec> into, ring_client& who, std::uint32_t op) = 0;
    virtual void send_vector(
        int socket, std::span<const iovec> from, ring_client& who, std::uint32_t op, ending end
    ) = 0;

    // Somebody waits for the end of a quiet operation now: all are told in the next turn.
    virtual void hurry() = 0;

    // A command to a driver of the kernel (IORING_OP_URING_CMD). cancel() does not reach it: the
    // driver ends it. -EOPNOTSUPP without io_uring.
    virtual void command(
        int fd, std::uint32_t opcode, const command_field& what, ring_client& who, std::uint32_t op
    ) = 0;

    // The same for wide ones; only where the ring takes them (IORING_SETUP_SQE128, Linux 6.1).
    virtual bool takes_wide_commands() const { return false; }

    virtual void command_with_buffers(
        int /*fd*/, const wide_command& /*what*/, ring_client& /*who*/, std::uint32_t /*op*/
    ) {}

    // Whether the kernel reads and writes the memory of a command() in calls of this ring only: not
    // while the lane does something else, nor when it is interrupted.
    virtual bool defers_commands() const { return false; }

    // From now until the next call of the ring the kernel leaves the memory of every command()
    // alone that has not ended for its owner, and has not written to it for an end that the owner
    // has still to hear of. False: not now. Never from inside a ring_done().
    virtual bool settle_commands() { return false; }

    // Cancels what `who` has under way with that operation number; it still ends in ring_done().
    virtual void cancel(ring_client& who, std::uint32_t op) = 0;

    // Submits what was started and hears of what has ended; sleeps until the deadline at most when
    // nothing has. No deadline: until something ends.
    virtual void turn(std::optional<iscsi::instant> deadline) = 0;

    // How many system calls turn() has made, for the budget of the hot path.
    virtual std::uint64_t system_calls() const = 0;
    virtual std::string_view name() const = 0;
};

// io_uring with the best flags that the kernel takes, else epoll; `why_not` then says what the
// kernel answered. `force_epoll` is for tests.
std::unique_ptr<ring> make_ring(std::string* why_not = nullptr, bool force_epoll = false);

} // namespace iscsid::lane
