#include "iscsid/disk/ublk_control.hpp"

#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/ublk_command.hpp"

#include <unistd.h>

#include <charconv>
#include <cstring>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto usual_limit = 30s;

std::uint64_t address_of(const void* what) {
    return reinterpret_cast<std::uintptr_t>(what);
}

std::uint64_t own_pid() {
    return static_cast<std::uint64_t>(::getpid());
}

void* pointer_in(const ublk::control_command& command) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's interface has addresses as numbers
    return reinterpret_cast<void*>(command.address);
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

constexpr auto answer_limit = 5s; // of the helper, above that of the kernel
constexpr auto patience_after_limit = 30s;

std::string bytes_of(const ublk::control_command& command) {
    std::string bytes(sizeof command, '\0');
    std::memcpy(bytes.data(), &command, sizeof command);
    return bytes;
}

std::string count_of(std::chrono::milliseconds time) {
    return std::to_string(time.count());
}

// What the command refers to, which the helper keeps in its own memory meanwhile.
std::string payload_of(const ublk::control_command& command) {
    std::string payload(command.length, '\0');
    if (command.length > 0)
        std::memcpy(payload.data(), pointer_in(command), command.length);
    return payload;
}

int result_of(const ublk::control_command& command, const fields& reply) {
    constexpr std::size_t parts = 3;
    int result = 0;
    if (reply.size() != parts || reply[2].size() != command.length)
        return -EPROTO;
    std::from_chars(reply[0].data(), reply[0].data() + reply[0].size(), result);
    if (command.length > 0)
        std::memcpy(pointer_in(command), reply[2].data(), command.length);
    return reply[1] == "1" ? -result : result;
}

} // namespace

iscsi::result<ublk_control> ublk_control::open(helper& waiter) {
    if (::access(ublk_control_path, R_OK | W_OK) != 0)
        return system_fault(
            disk_errc::no_driver, ublk_control_path, "the control device of ublk_drv"
        );
    ublk_control made(waiter);
    made.learn();
    return made;
}

// GET_FEATURES is of 6.5, the encoding of 6.4: only an encoded command that exists in all of them
// tells whether opcodes are encoded. Device -1 is nobody's, which is then the answer.
void ublk_control::learn() {
    if (call(ublk::get_features, about(0, features_), {usual_limit}) == 0)
        return;
    features_ = 0;
    ublk::device_info nothing;
    const auto ask = about(ublk::any_device, nothing);
    encodes_ = call(ublk::get_dev_info, ask, {usual_limit}) != -EOPNOTSUPP;
}

std::uint32_t ublk_control::opcode_of(ublk::control what) const {
    return encodes_ ? ublk::encoded(what) : std::uint32_t{what};
}

int ublk_control::call(
    ublk::control what, const ublk::control_command& with, const helper::limit& time
) const {
    // What `when_over` brings to an end must not be given up before.
    const auto of_kernel = time.when_over ? time.time + patience_after_limit : time.time;
    const auto of_helper = time.when_over ? time.time : time.time + answer_limit;
    const auto answer = waiter_->ask(
        {operation::ublk,
         std::to_string(opcode_of(what)),
         bytes_of(with),
         payload_of(with),
         count_of(of_kernel)},
        {of_helper, time.when_over}
    );
    return answer.results ? result_of(with, *answer.results) : -ETIME;
}

iscsi::result<void> ublk_control::perform(
    std::string_view name,
    ublk::control what,
    const ublk::control_command& with,
    const helper::limit& time
) const {
    const int answer = call(what, with, time);
    if (answer >= 0)
        return {};
    const auto code = answer == -EBUSY ? disk_errc::busy : disk_errc::attach_failed;
    return system_fault(code, "ublk " + std::string(name), "success", -answer);
}

iscsi::result<ublk::device_info> ublk_control::add(ublk::device_info wanted) const {
    const auto with = about(wanted.device, wanted);
    if (auto done = perform("ADD_DEV", ublk::add_dev, with, {usual_limit}); !done)
        return done.error();
    return wanted;
}

iscsi::result<ublk::device_info> ublk_control::info(std::uint32_t device) const {
    ublk::device_info seen;
    const auto with = about(device, seen);
    if (auto done = perform("GET_DEV_INFO", ublk::get_dev_info, with, {usual_limit}); !done)
        return done.error();
    return seen;
}

iscsi::result<void>
ublk_control::set_parameters(std::uint32_t device, const ublk::parameters& what) const {
    ublk::parameters told = what; // the kernel's answer is written back
    return perform("SET_PARAMS", ublk::set_params, about(device, told), {usual_limit});
}

iscsi::result<void> ublk_control::start(std::uint32_t device, const helper::limit& time) const {
    return perform("START_DEV", ublk::start_dev, about_with(device, own_pid()), time);
}

iscsi::result<void> ublk_control::stop(std::uint32_t device) const {
    return perform("STOP_DEV", ublk::stop_dev, about(device), {usual_limit});
}

iscsi::result<void> ublk_control::flush_and_stop(
    std::uint32_t device, const std::string& node, const helper::limit& time
) const {
    return waiter_->order(
        {operation::end_ublk,
         node,
         std::to_string(opcode_of(ublk::stop_dev)),
         bytes_of(about(device)),
         count_of(usual_limit)},
        time
    );
}

iscsi::result<void> ublk_control::remove(std::uint32_t device) const {
    return perform("DEL_DEV", ublk::del_dev, about(device), {usual_limit});
}

iscsi::result<void> ublk_control::begin_recovery(std::uint32_t device) const {
    return perform("START_USER_RECOVERY", ublk::start_user_recovery, about(device), {usual_limit});
}

iscsi::result<void>
ublk_control::end_recovery(std::uint32_t device, std::chrono::milliseconds limit) const {
    return perform(
        "END_USER_RECOVERY", ublk::end_user_recovery, about_with(device, own_pid()), {limit}
    );
}

iscsi::result<void> ublk_control::update_size(std::uint32_t device, std::uint64_t sectors) const {
    return perform("UPDATE_SIZE", ublk::update_size, about_with(device, sectors), {usual_limit});
}

} // namespace iscsid::disk
