#include "iscsid/disk/kernel/operations.hpp"

#include "iscsid/disk/kernel/device_users.hpp"
#include "iscsid/disk/kernel/errors.hpp"
#include "iscsid/disk/kernel/fuse_calls.hpp"
#include "iscsid/disk/kernel/left_behind.hpp"
#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/nbd_netlink.hpp"
#include "iscsid/disk/kernel/node_calls.hpp"
#include "iscsid/disk/kernel/ublk_command.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace iscsid::disk {

namespace {

using std::chrono::milliseconds;

fields malformed(const fields& request) {
    return failed(
        {iscsi::to_error_code(disk_errc::helper_failed),
         "request of the daemon",
         request.empty() ? "nothing" : request.front() + " with other arguments",
         "an operation of this version"}
    );
}

fields reply_of(const iscsi::result<void>& ended) {
    return ended ? done() : failed(ended.error());
}

fields flag(bool is_so) {
    return done({is_so ? "1" : "0"});
}

// An operation reads its arguments, then does its work: nothing is done when one is missing.
using operation_function =
    fields (*)(argument_reader& arguments, const fields& request, const os::descriptor& socket);

// ---- loop and FUSE ------------------------------------------------------------------------------

fields bind(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    loop_settings settings;
    settings.file = from.text();
    settings.block_size = static_cast<std::uint32_t>(from.number());
    settings.size = from.number();
    settings.read_only = from.flag();
    if (!from.is_complete())
        return malformed(request);
    auto node = bind_loop(settings);
    return node ? done({*node}) : failed(node.error());
}

fields unbind(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto node = from.text();
    const auto backing_file = from.text();
    const bool flush = from.flag();
    const milliseconds patience(from.number());
    if (!from.is_complete())
        return malformed(request);
    return reply_of(unbind_loop(node, backing_file, flush, patience));
}

fields release(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto node = from.text();
    const auto backing_file = from.text();
    if (!from.is_complete())
        return malformed(request);
    release_loop(node, backing_file);
    return done();
}

fields resize_by_file(
    argument_reader& from, const fields& request, const os::descriptor& /*socket*/
) {
    const auto node = from.text();
    const auto file = from.text();
    const bool read_only = from.flag();
    if (!from.is_complete())
        return malformed(request);
    return reply_of(resize_loop(node, file, read_only));
}

fields unmount_path(argument_reader& from, const fields& request, const os::descriptor&) {
    const auto path = from.text();
    return from.is_complete() ? reply_of(unmount(path)) : malformed(request);
}

fields abort_mount(argument_reader& from, const fields& request, const os::descriptor&) {
    const auto path = from.text();
    return from.is_complete() ? reply_of(abort_connection(path)) : malformed(request);
}

fields let_go(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto folder = from.text();
    const auto ended = from.text();
    if (!from.is_complete())
        return malformed(request);
    let_go_of_dead(folder, ended);
    return done();
}

// ---- nodes --------------------------------------------------------------------------------------

fields held(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto node = from.text();
    return from.is_complete() ? flag(is_held_by_others(node)) : malformed(request);
}

// A reply is one short message.
fields users(argument_reader& /*from*/, const fields& request, const os::descriptor& /*socket*/) {
    const std::vector<std::string> nodes(request.begin() + 1, request.end());
    if (nodes.empty())
        return malformed(request);
    const auto room = longest_message / 2 / nodes.size();
    fields found = users_of(nodes);
    for (auto& each : found)
        each.resize(std::min(each.size(), room));
    return done(std::move(found));
}

fields flush(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto node = from.text();
    const bool with_users = from.flag();
    if (!from.is_complete())
        return malformed(request);
    return reply_of(with_users ? flush_with_users(node) : flush_device(node));
}

fields scan(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto node = from.text();
    if (!from.is_complete())
        return malformed(request);
    scan_partitions(node);
    return done();
}

fields protect(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto node = from.text();
    const bool read_only = from.flag();
    return from.is_complete() ? reply_of(protect_node(node, read_only)) : malformed(request);
}

fields set(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto node = from.text();
    const auto attribute = from.text();
    const auto value = from.text();
    return from.is_complete() ? flag(write_attribute(node, attribute, value)) : malformed(request);
}

fields module(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto name = from.text();
    const auto option = from.text();
    return from.is_complete() ? flag(load_module(name, option)) : malformed(request);
}

// ---- ublk ---------------------------------------------------------------------------------------

bool take(ublk::control_command& to, const std::string& bytes) {
    if (bytes.size() != sizeof to)
        return false;
    std::memcpy(&to, bytes.data(), sizeof to);
    return true;
}

fields control_ublk(
    argument_reader& from, const fields& request, const os::descriptor& /*socket*/
) {
    ublk_command command;
    command.opcode = static_cast<std::uint32_t>(from.number());
    const bool whole = take(command.what, from.text());
    command.payload = from.text();
    command.limit = milliseconds(from.number());
    if (!whole || !from.is_complete())
        return malformed(request);
    const auto result = run(command);
    if (!result)
        return failed(result.error());
    return done(
        {std::to_string(std::abs(*result)), *result < 0 ? "1" : "0", std::move(command.payload)}
    );
}

iscsi::result<void> stop(ublk_command& command) {
    const auto result = run(command);
    if (!result)
        return result.error();
    if (*result >= 0)
        return {};
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::attach_failed),
        "ublk STOP_DEV",
        std::generic_category().message(-*result),
        "success"};
}

fields end_ublk_device(
    argument_reader& from, const fields& request, const os::descriptor& /*socket*/
) {
    const auto node = from.text();
    ublk_command command;
    command.opcode = static_cast<std::uint32_t>(from.number());
    const bool whole = take(command.what, from.text());
    command.limit = milliseconds(from.number());
    if (!whole || !from.is_complete())
        return malformed(request);
    return reply_of(flush_and_end(node, [&command] { return stop(command); }));
}

// ---- nbd ----------------------------------------------------------------------------------------

std::uint32_t index_in(argument_reader& from) {
    return static_cast<std::uint32_t>(from.number());
}

fields connect(argument_reader& from, const fields& request, const os::descriptor& socket) {
    nbd_settings settings;
    settings.index = index_in(from);
    settings.size = from.number();
    settings.block_size = static_cast<std::uint32_t>(from.number());
    settings.flags = static_cast<std::uint16_t>(from.number());
    settings.dead_conn_timeout = static_cast<std::uint32_t>(from.number());
    settings.backend = from.text();
    settings.socket = socket.number();
    if (!from.is_complete())
        return malformed(request);
    auto netlink = nbd_netlink::open();
    return netlink ? reply_of(netlink->connect(settings)) : failed(netlink.error());
}

fields reconfigure(argument_reader& from, const fields& request, const os::descriptor& socket) {
    const auto index = index_in(from);
    const auto backend = from.text();
    if (!from.is_complete())
        return malformed(request);
    auto netlink = nbd_netlink::open();
    return netlink ? reply_of(netlink->reconfigure(index, backend, socket.number()))
                   : failed(netlink.error());
}

fields resize_nbd_device(
    argument_reader& from, const fields& request, const os::descriptor& /*socket*/
) {
    const auto index = index_in(from);
    const auto backend = from.text();
    const auto size = from.number();
    if (!from.is_complete())
        return malformed(request);
    auto netlink = nbd_netlink::open();
    return netlink ? reply_of(netlink->resize(index, backend, size)) : failed(netlink.error());
}

iscsi::result<void> disconnect_index(std::uint32_t index) {
    auto netlink = nbd_netlink::open();
    if (!netlink)
        return netlink.error();
    return netlink->disconnect(index);
}

fields disconnect(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    const auto index = index_in(from);
    return from.is_complete() ? reply_of(disconnect_index(index)) : malformed(request);
}

fields find(argument_reader& from, const fields& request, const os::descriptor& /*socket*/) {
    if (!from.is_complete())
        return malformed(request);
    const auto netlink = nbd_netlink::open();
    return netlink ? done() : failed(netlink.error());
}

fields end_nbd_device(
    argument_reader& from, const fields& request, const os::descriptor& /*socket*/
) {
    const auto node = from.text();
    const auto index = index_in(from);
    if (!from.is_complete())
        return malformed(request);
    return reply_of(flush_and_end(node, [index] { return disconnect_index(index); }));
}

struct known_operation {
    std::string_view name;
    operation_function work;
};

constexpr std::array known_operations{
    known_operation{operation::bind_loop, bind},
    known_operation{operation::unbind_loop, unbind},
    known_operation{operation::release_loop, release},
    known_operation{operation::resize_loop, resize_by_file},
    known_operation{operation::unmount, unmount_path},
    known_operation{operation::abort, abort_mount},
    known_operation{operation::is_held, held},
    known_operation{operation::let_go, let_go},
    known_operation{operation::users, users},
    known_operation{operation::flush, flush},
    known_operation{operation::scan, scan},
    known_operation{operation::protect, protect},
    known_operation{operation::set, set},
    known_operation{operation::load_module, module},
    known_operation{operation::ublk, control_ublk},
    known_operation{operation::end_ublk, end_ublk_device},
    known_operation{operation::connect_nbd, connect},
    known_operation{operation::reconfigure_nbd, reconfigure},
    known_operation{operation::resize_nbd, resize_nbd_device},
    known_operation{operation::disconnect_nbd, disconnect},
    known_operation{operation::find_nbd, find},
    known_operation{operation::end_nbd, end_nbd_device},
};

} // namespace

fields perform(const fields& request, const os::descriptor& socket) {
    const std::string name = request.empty() ? std::string() : request.front();
    const auto found = std::ranges::find(known_operations, name, &known_operation::name);
    if (found == known_operations.end())
        return malformed(request);
    argument_reader arguments(request);
    return found->work(arguments, request, socket);
}

} // namespace iscsid::disk
