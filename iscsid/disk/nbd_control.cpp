#include "iscsid/disk/nbd_control.hpp"

#include "iscsid/disk/block_node.hpp"
#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/nbd_link.hpp"
#include "iscsid/disk/queue_limits.hpp"

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto usual_limit = 30s;
constexpr auto scan_limit = 30s;
// A last flush takes what its link takes. Whether the target still answers is the session's affair:
// it ends the requests of one that does not, and with them the flush.
constexpr auto flush_limit = 24h;

// After a new connection the kernel sends a request again when its timer says so: 30 s unless told
// otherwise (nbd_xmit_timeout). A slow request only costs a line in the kernel's log.
constexpr std::uint32_t timer_ms = 5000;

template <class... Numbers>
fields request_of(const char* name, Numbers... numbers) {
    return {name, std::to_string(numbers)...};
}

} // namespace

iscsi::result<void> nbd_control::find() const {
    return waiter_->order({operation::find_nbd}, {usual_limit});
}

iscsi::result<void> nbd_control::connect(const nbd_settings& what) const {
    auto request = request_of(
        operation::connect_nbd,
        what.index,
        what.size,
        what.block_size,
        what.flags,
        what.dead_conn_timeout
    );
    request.push_back(what.backend);
    return waiter_->order(request, {usual_limit}, what.socket);
}

iscsi::result<void>
nbd_control::reconfigure(std::uint32_t index, const std::string& backend, int socket) const {
    auto request = request_of(operation::reconfigure_nbd, index);
    request.push_back(backend);
    return waiter_->order(request, {usual_limit}, socket);
}

iscsi::result<void>
nbd_control::resize(std::uint32_t index, const std::string& backend, std::uint64_t size) const {
    auto request = request_of(operation::resize_nbd, index);
    request.push_back(backend);
    request.push_back(std::to_string(size));
    return waiter_->order(request, {usual_limit});
}

iscsi::result<void> nbd_control::disconnect(std::uint32_t index) const {
    return waiter_->order(request_of(operation::disconnect_nbd, index), {usual_limit});
}

// Requests that are under way fail then.
std::function<void()> nbd_control::cut(std::uint32_t index) const {
    return [control = *this, index] { static_cast<void>(control.disconnect(index)); };
}

iscsi::result<void>
nbd_control::flush_and_disconnect(std::uint32_t index, const std::string& node) const {
    return waiter_->order(
        {operation::end_nbd, node, std::to_string(index)}, {flush_limit, cut(index)}
    );
}

// The device is told nothing of these when it is connected, and keeps those of the disk before. The
// limits of the unit are not among them: a map that has been made over the device meanwhile (dm)
// has taken over what it saw, and its requests would fail. The lane cuts what the unit does not
// take.
void nbd_control::tune(const std::string& node, const scsi::logical_unit& lun) const {
    const auto set = [&](const char* attribute, std::uint64_t value) {
        set_attribute(*waiter_, node, attribute, std::to_string(value));
    };
    set("queue/io_timeout", timer_ms);
    set("queue/max_sectors_kb", nbd_shape{}.payload >> 10U);
    const auto limits = queue_limits_of(lun, nbd_shape{}.payload);
    reset_read_ahead(*waiter_, node, limits.read_ahead);
}

iscsi::result<void>
nbd_control::scan_partitions(std::uint32_t index, const std::string& node) const {
    const auto scanned = waiter_->ask({operation::scan, node}, {scan_limit, cut(index)});
    if (scanned.was_late)
        return no_answer_from_lun(node, scan_limit);
    if (!scanned.results)
        return scanned.results.error();
    return {};
}

} // namespace iscsid::disk
