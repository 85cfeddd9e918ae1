#include "iscsid/disk/nbd_driver.hpp"

#include "iscsid/disk/block_node.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/disk/lane_seat.hpp"
#include "iscsid/disk/nbd_control.hpp"
#include "iscsid/disk/nbd_link.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <mutex>
#include <optional>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t most_devices = 4096;
// How long I/O waits for a daemon that comes back; longer than any restart.
constexpr std::uint32_t dead_conn_timeout_s = 300;
constexpr auto node_limit = 10s;
constexpr auto opener_limit = 5s;
constexpr auto lane_limit = 10s;
constexpr auto removal_limit = 5s;
constexpr auto adoption_limit = 30s;
constexpr int socket_buffer = 4 * 1024 * 1024;

// Flush and FUA whatever the LUN says now: these flags are for the life of the device, a cache may
// be switched on any time. The lane ends flushes at once while there is none. Never read-only,
// which would be for life, too: see protect_node().
std::uint16_t flags_of(const scsi::logical_unit& lun) {
    std::uint16_t flags = nbd::has_flags | nbd::send_write_zeroes | nbd::send_flush | nbd::send_fua;
    if (lun.rotational)
        flags |= nbd::rotational;
    if (lun.can_unmap || lun.can_write_same_16_unmap || lun.can_write_same_10_unmap)
        flags |= nbd::send_trim;
    return flags;
}

// What the device says of itself in /sys, from Linux 5.14 on.
std::string backend_of(const disk_request& what) {
    const auto whose = what.target_name + ",lun" + std::to_string(what.lun_number);
    return what.nonce == 0 ? whose : whose + "," + std::to_string(what.nonce);
}

// Older kernels show no backend, only whether the device is connected at all.
ownership owner_by(std::string node, std::string backend) {
    return [node = std::move(node), backend = std::move(backend)] {
        return get_attribute(node, "pid") &&
               get_attribute(node, "backend").value_or(backend) == backend;
    };
}

struct socket_pair {
    os::descriptor ours;
    os::descriptor kernels;
};

iscsi::result<socket_pair> make_pair() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return system_fault(disk_errc::attach_failed, "socketpair", "two ends");
    socket_pair pair{os::descriptor(ends[0]), os::descriptor(ends[1])};
    for (const int end : ends) {
        ::setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &socket_buffer, sizeof socket_buffer);
        ::setsockopt(end, SOL_SOCKET, SO_RCVBUFFORCE, &socket_buffer, sizeof socket_buffer);
    }
    return pair;
}

// What the lane works with.
struct nbd_seat {
    explicit nbd_seat(os::descriptor ours) : socket(std::move(ours)), link(socket.number(), {}) {}

    os::descriptor socket;
    nbd_link link;
};

std::unique_ptr<lane_seat>
take_seat(lane::lane& where, const disk_request& what, os::descriptor socket) {
    const auto seat = std::make_shared<nbd_seat>(std::move(socket));
    const std::shared_ptr<lane::lane_resident> link(seat, &seat->link);
    return std::make_unique<lane_seat>(where, what, link, lane_limit);
}

class nbd_disk final : public disk {
  public:
    nbd_disk(
        const nbd_control& control,
        std::uint32_t index,
        std::string backend,
        std::unique_ptr<lane_seat> seat
    )
        : control_(control)
        , index_(index)
        , node_("nbd" + std::to_string(index))
        , backend_(std::move(backend))
        , is_ours_(owner_by(node_, backend_))
        , seat_(std::move(seat)) {}

    ~nbd_disk() override {
        if (!seat_ || !is_ours_())
            return;
        static_cast<void>(control_.disconnect(index_));
    }

    nbd_disk(const nbd_disk&) = delete;
    nbd_disk& operator=(const nbd_disk&) = delete;
    nbd_disk(nbd_disk&&) = delete;
    nbd_disk& operator=(nbd_disk&&) = delete;

    const std::string& node() const override { return node_; }

    ownership owner() const override { return is_ours_; }

    iscsi::result<void> remove() override {
        return without_exceptions([this] { return take_down(); });
    }

    iscsi::result<void> resize(const scsi::logical_unit& now) override {
        return control_.resize(index_, backend_, now.size());
    }

    iscsi::result<void> set_read_only(const scsi::logical_unit& now) override {
        return protect_node(control_.waiter(), node_, now.read_only);
    }

  private:
    iscsi::result<void> take_down() {
        if (!is_ours_()) {
            seat_.reset();
            return {};
        }
        auto ended = control_.flush_and_disconnect(index_, node_);
        if (!ended && ended.error().code != iscsi::to_error_code(disk_errc::flush_failed))
            return ended;
        seat_.reset();
        // One who has it open without holding it keeps a dead node until he closes it.
        wait_until(removal_limit, [this] { return !is_ours_(); });
        return ended;
    }

    nbd_control control_;
    std::uint32_t index_;
    std::string node_;
    std::string backend_;
    ownership is_ours_;
    std::unique_ptr<lane_seat> seat_;
};

class nbd_driver final : public driver {
  public:
    explicit nbd_driver(helper& waiter) : control_(waiter) {}

    std::string_view name() const override { return "nbd"; }

    bool can_adopt() const override { return true; }

    ownership owner_of(const disk_request& what, const std::string& node) const override {
        return owner_by(node, backend_of(what));
    }

    iscsi::result<std::unique_ptr<disk>>
    attach(lane::lane& where, const disk_request& what) override {
        return without_exceptions([&] { return put_up(where, what); });
    }

    iscsi::result<std::unique_ptr<disk>>
    adopt(lane::lane& where, const disk_request& what, const std::string& node) override {
        return without_exceptions([&] { return take_over(where, what, node); });
    }

  private:
    iscsi::result<std::unique_ptr<disk>> put_up(lane::lane& where, const disk_request& what);
    iscsi::result<std::unique_ptr<disk>>
    take_over(lane::lane& where, const disk_request& what, const std::string& node) const;

    nbd_control control_;
    std::mutex choosing_; // of an index: what is told of a name before must be true after
};

bool is_busy(const iscsi::result<void>& connected) {
    return !connected && connected.error().code == iscsi::to_error_code(disk_errc::busy);
}

// An index without a device gets one. Who opens that right then, as udev does, has it in use for a
// moment: the kernel refuses the connection and keeps the device, and nothing but the end of a
// connection removes it.
iscsi::result<void>
connect_to(const std::string& node, const nbd_control& control, const nbd_settings& settings) {
    const bool is_new = !is_known_to_kernel(node);
    auto connected = control.connect(settings);
    wait_until(opener_limit, [&] {
        const bool is_ours_to_use =
            is_new && is_known_to_kernel(node) && !get_attribute(node, "pid");
        if (!is_busy(connected) || !is_ours_to_use)
            return true;
        connected = control.connect(settings);
        return !is_busy(connected);
    });
    return connected;
}

// Tries one index after the other: another program may take the same at the same time.
iscsi::result<std::uint32_t>
connect_somewhere(const nbd_control& control, const disk_request& what, nbd_settings settings) {
    for (; settings.index < most_devices; ++settings.index) {
        const std::string node = "nbd" + std::to_string(settings.index);
        if (get_attribute(node, "pid"))
            continue;
        if (what.before_appearing)
            if (auto noted = what.before_appearing(node); !noted)
                return noted.error();
        const auto connected = connect_to(node, control, settings);
        if (connected)
            return settings.index;
        if (!is_busy(connected))
            return connected.error();
    }
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::attach_failed),
        "nbd",
        "every device is in use",
        "a free one"};
}

iscsi::result<std::unique_ptr<disk>>
nbd_driver::put_up(lane::lane& where, const disk_request& what) {
    auto pair = make_pair();
    if (!pair)
        return pair.error();
    auto seat = take_seat(where, what, std::move(pair->ours));
    nbd_settings settings;
    settings.size = what.properties.size();
    settings.block_size = what.properties.block_size;
    settings.flags = flags_of(what.properties);
    settings.dead_conn_timeout = dead_conn_timeout_s;
    settings.backend = backend_of(what);
    settings.socket = pair->kernels.number();
    std::unique_lock choice(choosing_);
    const auto index = connect_somewhere(control_, what, settings);
    choice.unlock();
    if (!index)
        return index.error();
    auto made = std::make_unique<nbd_disk>(control_, *index, settings.backend, std::move(seat));
    control_.tune(made->node(), what.properties);
    if (!wait_for_node(made->node(), node_limit))
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::attach_failed),
            "/dev/" + made->node(),
            "not there",
            "a node (in a container: pass /dev in)"};
    if (what.properties.read_only)
        if (auto is_protected = made->set_read_only(what.properties); !is_protected)
            return is_protected.error();
    if (auto scanned = control_.scan_partitions(*index, made->node()); !scanned)
        return scanned.error();
    return made;
}

bool has_hung_up(const os::descriptor& socket) {
    pollfd wait{socket.number(), POLLIN, 0};
    return ::poll(&wait, 1, 0) > 0 && (wait.revents & POLLHUP) != 0;
}

// The kernel replaces a connection only when it has seen the end of the old one, and does not say
// whether it has: a socket that it did not take is closed at once.
iscsi::result<os::descriptor>
reconnect(const nbd_control& control, std::uint32_t index, const std::string& backend) {
    std::optional<iscsi::fault> failure;
    std::optional<os::descriptor> taken;
    const bool ended = wait_until(adoption_limit, [&] {
        auto pair = make_pair();
        if (!pair) {
            failure = pair.error();
            return true;
        }
        if (auto done = control.reconfigure(index, backend, pair->kernels.number()); !done) {
            failure = done.error();
            return true;
        }
        pair->kernels.close();
        if (has_hung_up(pair->ours))
            return false;
        taken = std::move(pair->ours);
        return true;
    });
    if (taken)
        return std::move(*taken);
    if (failure)
        return *failure;
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::attach_failed),
        "nbd" + std::to_string(index),
        ended ? "refused" : "its old connection lives on",
        "a device without a daemon"};
}

iscsi::result<std::unique_ptr<disk>>
nbd_driver::take_over(lane::lane& where, const disk_request& what, const std::string& node) const {
    std::uint32_t index = 0;
    const char* const digits = node.data() + std::min<std::size_t>(node.size(), 3);
    if (std::from_chars(digits, node.data() + node.size(), index).ec != std::errc())
        return iscsi::fault{iscsi::to_error_code(disk_errc::attach_failed), "device", node, "nbdN"};
    auto socket = reconnect(control_, index, backend_of(what));
    if (!socket)
        return socket.error();
    return std::make_unique<nbd_disk>(
        control_, index, backend_of(what), take_seat(where, what, std::move(*socket))
    );
}

} // namespace

std::unique_ptr<driver> make_nbd_driver(helper& waiter) {
    return std::make_unique<nbd_driver>(waiter);
}

iscsi::result<void> nbd_is_here(helper& waiter) {
    // Without devices of its own: we make those that are needed, and no dead ones stand around.
    // Asking for the family would load it with sixteen.
    if (::access("/sys/module/nbd", F_OK) != 0)
        load_module(waiter, "nbd", "nbds_max=0");
    return nbd_control(waiter).find();
}

} // namespace iscsid::disk
