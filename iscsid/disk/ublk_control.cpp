#include "iscsid/disk/ublk_control.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include <cstring>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr const char* control_path = "/dev/ublk-control";
constexpr auto usual_limit = 30s;

std::uint64_t address_of(const void* what) {
    return reinterpret_cast<std::uintptr_t>(what);
}

std::uint64_t own_pid() {
    return static_cast<std::uint64_t>(::getpid());
}

ublk::control_command about(std::uint32_t device) {
    ublk::control_command command;
    command.device = device;
    command.queue = ublk::all_queues;
    return command;
}

template <class Payload>
ublk::control_command about(std::uint32_t device, Payload& what) {
    ublk::control_command command = about(device);
    command.address = address_of(&what);
    command.length = sizeof what;
    return command;
}

ublk::control_command about_with(std::uint32_t device, std::uint64_t data) {
    ublk::control_command command = about(device);
    command.data = data;
    return command;
}

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

    int
    run(int file,
        std::uint32_t opcode,
        const ublk::control_command& what,
        std::chrono::milliseconds limit) {
        if (made_ != 0)
            return made_;
        io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
        std::memset(entry, 0, 2 * sizeof *entry);
        entry->opcode = IORING_OP_URING_CMD;
        entry->fd = file;
        entry->cmd_op = opcode;
        std::memcpy(entry->cmd, &what, sizeof what);
        io_uring_submit(&ring_);
        __kernel_timespec timeout{limit / 1s, (limit % 1s) / 1ns};
        io_uring_cqe* end = nullptr;
        const int waited = io_uring_wait_cqe_timeout(&ring_, &end, &timeout);
        return waited == 0 ? end->res : waited;
    }

  private:
    io_uring ring_{};
    int made_;
};

} // namespace

iscsi::result<ublk_control> ublk_control::open() {
    os::descriptor file(::open(control_path, O_RDWR | O_CLOEXEC));
    if (!file)
        return system_fault(disk_errc::no_driver, control_path, "the control device of ublk_drv");
    ublk_control made(std::move(file));
    made.learn();
    return made;
}

// GET_FEATURES is of 6.5, the encoding of 6.4: only an encoded command that exists in all of them
// tells whether opcodes are encoded. Device -1 is nobody's, which is then the answer.
void ublk_control::learn() {
    if (call(ublk::get_features, about(0, features_), usual_limit) == 0)
        return;
    features_ = 0;
    ublk::device_info nothing;
    const auto ask = about(ublk::any_device, nothing);
    encodes_ = call(ublk::get_dev_info, ask, usual_limit) != -EOPNOTSUPP;
}

int ublk_control::call(
    ublk::control what, ublk::control_command with, std::chrono::milliseconds limit
) const {
    const auto opcode = encodes_ ? ublk::encoded(what) : std::uint32_t{what};
    return command_ring().run(file_.number(), opcode, with, limit);
}

iscsi::result<void> ublk_control::perform(
    std::string_view name,
    ublk::control what,
    const ublk::control_command& with,
    std::chrono::milliseconds limit
) const {
    const int answer = call(what, with, limit);
    if (answer >= 0)
        return {};
    const auto code = answer == -EBUSY ? disk_errc::busy : disk_errc::attach_failed;
    return system_fault(code, "ublk " + std::string(name), "success", -answer);
}

iscsi::result<ublk::device_info> ublk_control::add(ublk::device_info wanted) const {
    const auto with = about(wanted.device, wanted);
    if (auto done = perform("ADD_DEV", ublk::add_dev, with, usual_limit); !done)
        return done.error();
    return wanted;
}

iscsi::result<ublk::device_info> ublk_control::info(std::uint32_t device) const {
    ublk::device_info seen;
    const auto with = about(device, seen);
    if (auto done = perform("GET_DEV_INFO", ublk::get_dev_info, with, usual_limit); !done)
        return done.error();
    return seen;
}

iscsi::result<void>
ublk_control::set_parameters(std::uint32_t device, const ublk::parameters& what) const {
    return perform("SET_PARAMS", ublk::set_params, about(device, what), usual_limit);
}

iscsi::result<void>
ublk_control::start(std::uint32_t device, std::chrono::milliseconds limit) const {
    return perform("START_DEV", ublk::start_dev, about_with(device, own_pid()), limit);
}

iscsi::result<void> ublk_control::stop(std::uint32_t device) const {
    return perform("STOP_DEV", ublk::stop_dev, about(device), usual_limit);
}

iscsi::result<void> ublk_control::remove(std::uint32_t device) const {
    return perform("DEL_DEV", ublk::del_dev, about(device), usual_limit);
}

iscsi::result<void> ublk_control::begin_recovery(std::uint32_t device) const {
    return perform("START_USER_RECOVERY", ublk::start_user_recovery, about(device), usual_limit);
}

iscsi::result<void>
ublk_control::end_recovery(std::uint32_t device, std::chrono::milliseconds limit) const {
    return perform(
        "END_USER_RECOVERY", ublk::end_user_recovery, about_with(device, own_pid()), limit
    );
}

iscsi::result<void> ublk_control::update_size(std::uint32_t device, std::uint64_t sectors) const {
    return perform("UPDATE_SIZE", ublk::update_size, about_with(device, sectors), usual_limit);
}

} // namespace iscsid::disk
