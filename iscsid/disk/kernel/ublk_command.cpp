#include "iscsid/disk/kernel/ublk_command.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <liburing.h>

#include <cstring>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

// A ring for one command: it ends with the command, also when that was given up.
class command_ring {
  public:
    command_ring() : made_(io_uring_queue_init(4, &ring_, IORING_SETUP_SQE128)) {}

    ~command_ring() {
        if (made_ == 0)
            io_uring_queue_exit(&ring_);
    }

    command_ring(const command_ring&) = delete;
    command_ring& operator=(const command_ring&) = delete;
    command_ring(command_ring&&) = delete;
    command_ring& operator=(command_ring&&) = delete;

    int run(int file, const ublk_command& command) {
        if (made_ != 0)
            return made_;
        io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
        std::memset(entry, 0, 2 * sizeof *entry);
        entry->opcode = IORING_OP_URING_CMD;
        entry->fd = file;
        entry->cmd_op = command.opcode;
        std::memcpy(entry->cmd, &command.what, sizeof command.what);
        io_uring_submit(&ring_);
        __kernel_timespec timeout{command.limit / 1s, (command.limit % 1s) / 1ns};
        io_uring_cqe* end = nullptr;
        const int waited = io_uring_wait_cqe_timeout(&ring_, &end, &timeout);
        return waited == 0 ? end->res : waited;
    }

  private:
    io_uring ring_{};
    int made_;
};

} // namespace

iscsi::result<int> run(ublk_command& command) {
    const os::descriptor file(::open(ublk_control_path, O_RDWR | O_CLOEXEC));
    if (!file)
        return system_fault(
            disk_errc::no_driver, ublk_control_path, "the control device of ublk_drv"
        );
    if (!command.payload.empty()) {
        command.what.address = reinterpret_cast<std::uintptr_t>(command.payload.data());
        command.what.length = static_cast<std::uint16_t>(command.payload.size());
    }
    return command_ring().run(file.number(), command);
}

} // namespace iscsid::disk
