#include "iscsid/disk/loop_binding.hpp"

#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/queue_limits.hpp"

#include <utility>

namespace iscsid::disk {

namespace {

constexpr auto release_limit = std::chrono::seconds(5);

std::string flag(bool is_so) {
    return is_so ? "1" : "0";
}

} // namespace

iscsi::result<loop_binding>
loop_binding::make(helper& waiter, const loop_settings& settings, const helper::limit& time) {
    const auto bound = waiter.ask(
        {operation::bind_loop,
         settings.file,
         std::to_string(settings.block_size),
         std::to_string(settings.size),
         flag(settings.read_only)},
        time
    );
    if (!bound.results)
        return bound.was_late ? no_answer_from_lun(settings.file, time.time)
                              : bound.results.error();
    loop_binding made(waiter, bound.results->front(), settings);
    if (bound.was_late) // bound to what has been given up
        return no_answer_from_lun(settings.file, time.time);
    set_read_ahead(waiter, made.node_, settings.read_ahead);
    return made;
}

iscsi::result<loop_binding>
loop_binding::take_over(helper& waiter, const std::string& node, const loop_settings& settings) {
    if (auto file = backing_file_of(node); file != settings.file)
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::attach_failed),
            node,
            file.empty() ? "not bound" : "bound to " + file,
            "bound to " + settings.file};
    return loop_binding(waiter, node, settings);
}

loop_binding::loop_binding(helper& waiter, std::string node, loop_settings settings)
    : waiter_(&waiter)
    , node_(std::move(node))
    , backing_file_(backing_file_of(node_))
    , settings_(std::move(settings)) {}

loop_binding::loop_binding(loop_binding&& other) noexcept
    : waiter_(other.waiter_)
    , node_(std::exchange(other.node_, {}))
    , backing_file_(std::move(other.backing_file_))
    , settings_(std::move(other.settings_)) {}

loop_binding::~loop_binding() {
    if (!node_.empty())
        static_cast<void>(
            waiter_->order({operation::release_loop, node_, backing_file_}, {release_limit})
        );
}

ownership loop_binding::owner() const {
    return [node = node_, file = backing_file_] { return backing_file_of(node) == file; };
}

iscsi::result<void>
loop_binding::unbind(std::chrono::milliseconds patience, const helper::limit& time) {
    auto unbound = waiter_->order(
        {operation::unbind_loop, node_, backing_file_, "1", std::to_string(patience.count())}, time
    );
    if (!unbound && unbound.error().code != iscsi::to_error_code(disk_errc::flush_failed))
        return unbound;
    // The device would keep it for whatever is bound to it next.
    if (settings_.read_ahead != 0)
        reset_read_ahead(*waiter_, node_, 0);
    node_.clear();
    return unbound;
}

iscsi::result<void> loop_binding::follow_size(const helper::limit& time) {
    return waiter_->order(
        {operation::resize_loop, node_, settings_.file, flag(settings_.read_only)}, time
    );
}

} // namespace iscsid::disk
