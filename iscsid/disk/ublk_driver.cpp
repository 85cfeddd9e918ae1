#include "iscsid/disk/ublk_driver.hpp"

#include "iscsid/disk/block_node.hpp"
#include "iscsid/disk/fence_file.hpp"
#include "iscsid/disk/fenced_relay.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/disk/lane_seat.hpp"
#include "iscsid/disk/queue_limits.hpp"
#include "iscsid/disk/read_probe.hpp"
#include "iscsid/disk/ublk_control.hpp"
#include "iscsid/disk/ublk_queue.hpp"
#include "iscsid/disk/unsettled_units.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <functional>
#include <optional>
#include <utility>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto node_limit = 10s;
constexpr auto lane_limit = 10s;
// The scan for partitions is over by then, or its reads fail.
constexpr auto scan_limit = 30s;
// A last flush takes what its link takes. Whether the target still answers is the session's affair:
// it ends the requests of one that does not, and with them the flush.
constexpr auto flush_limit = 24h;
constexpr auto recovery_limit = 60s;
constexpr auto adoption_limit = 30s;

std::string node_of(std::uint32_t device) {
    return "ublkb" + std::to_string(device);
}

// The kernel counts descriptors in its pages: those of a queue, and where those of the next begin.
std::uint64_t whole_pages(std::uint64_t bytes) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

// The descriptors of a queue, as long as this object lives.
class shared_descriptors {
  public:
    shared_descriptors(int file, std::uint32_t depth, std::uint16_t queue)
        : size_(whole_pages(depth * sizeof(ublk::io_descriptor)))
        , memory_(::mmap(
              nullptr,
              size_,
              PROT_READ,
              MAP_SHARED | MAP_POPULATE,
              file,
              static_cast<off_t>(queue * whole_pages(ublk::most_descriptors))
          )) {}

    ~shared_descriptors() {
        if (*this)
            ::munmap(memory_, size_);
    }

    shared_descriptors(const shared_descriptors&) = delete;
    shared_descriptors& operator=(const shared_descriptors&) = delete;
    shared_descriptors(shared_descriptors&&) = delete;
    shared_descriptors& operator=(shared_descriptors&&) = delete;

    explicit operator bool() const { return memory_ != MAP_FAILED; }

    const ublk::io_descriptor* get() const {
        return static_cast<const ublk::io_descriptor*>(memory_);
    }

  private:
    std::size_t size_;
    void* memory_;
};

// What a lane works with. The end of the last one closes the last use of /dev/ublkcN.
struct ublk_server {
    ublk_server(
        std::shared_ptr<os::descriptor> opened,
        const ublk_shape& shape,
        bool encodes,
        const ublk_place& place
    )
        : file(std::move(opened))
        , shared(file->number(), shape.depth, place.number)
        , queue(file->number(), shared.get(), shape, encodes, place) {}

    std::shared_ptr<os::descriptor> file;
    shared_descriptors shared;
    ublk_queue queue;
};

using server_pointer = std::shared_ptr<ublk_server>;
using path_list = std::vector<disk_path>;

// What every disk of the driver needs.
struct surroundings {
    helper& waiter;
    std::string runtime_folder;
    std::function<void(const std::string& words)> warn;
    std::shared_ptr<unsettled_units> unsettled;
};

queue_owners owners_of(const ublk::device_info& device, const path_list& paths) {
    queue_owners owners;
    owners.node = node_of(device.device);
    owners.nonce = device.server_flags;
    owners.queues = device.queues;
    for (const auto& each : paths)
        owners.sessions.push_back(each.what.session);
    return owners;
}

// udev may have it open for a moment, and only one may.
iscsi::result<os::descriptor> open_queue_file(std::uint32_t device) {
    const std::string path = "/dev/ublkc" + std::to_string(device);
    os::descriptor file;
    wait_until(node_limit, [&] {
        file = os::descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        return bool(file) || (errno != EBUSY && errno != ENOENT && errno != ENODEV);
    });
    if (!file)
        return system_fault(disk_errc::attach_failed, path, "the queue's file");
    return file;
}

// One for each queue of the device, in their order.
iscsi::result<std::vector<server_pointer>> make_servers(
    const ublk_control& control,
    const ublk::device_info& device,
    const std::shared_ptr<const flush_relay>& relay
) {
    auto opened = open_queue_file(device.device);
    if (!opened)
        return opened.error();
    const auto file = std::make_shared<os::descriptor>(std::move(*opened));
    ublk_shape shape;
    shape.depth = device.queue_depth;
    shape.payload = device.largest_io;
    shape.comes_by_ring = (device.flags & ublk::feature_comes_by_ring) != 0;
    std::vector<server_pointer> servers;
    for (std::uint16_t number = 0; number < device.queues; ++number) {
        servers.push_back(
            std::make_shared<ublk_server>(file, shape, control.encodes(), ublk_place{number, relay})
        );
        if (!servers.back()->shared)
            return system_fault(
                disk_errc::attach_failed, "mmap of /dev/ublkc", "the queue's memory"
            );
    }
    return servers;
}

void connect(
    flush_relay& relay, const std::vector<server_pointer>& servers, const path_list& paths
) {
    std::vector<flush_relay::member> members;
    for (const auto& server : servers) {
        lane::lane* const where = paths[members.size()].where;
        members.push_back({std::shared_ptr<flush_part>(server, &server->queue), [where](auto work) {
                               where->post(std::move(work));
                           }});
    }
    relay.use(std::move(members));
}

std::unique_ptr<lane_seat> take_seat(const disk_path& path, const server_pointer& server) {
    const std::shared_ptr<lane::lane_resident> queue(server, &server->queue);
    return std::make_unique<lane_seat>(*path.where, path.what, queue, lane_limit);
}

class ublk_disk final : public disk {
  public:
    // `paths`: also those for which the kernel has no queue.
    ublk_disk(
        surroundings with, ublk_control control, const ublk::device_info& device, path_list paths
    )
        : with_(std::move(with))
        , control_(control)
        , device_(device)
        , node_(node_of(device.device))
        , paths_(std::move(paths)) {}

    ~ublk_disk() override {
        if (is_there_)
            static_cast<void>(vanish());
    }

    ublk_disk(const ublk_disk&) = delete;
    ublk_disk& operator=(const ublk_disk&) = delete;
    ublk_disk(ublk_disk&&) = delete;
    ublk_disk& operator=(ublk_disk&&) = delete;

    const std::string& node() const override { return node_; }

    // Our /dev/ublkcN keeps the number as long as its queues are served: they end together.
    ownership owner() const override {
        if (servers_.empty())
            return {};
        return [node = node_, is_served = servers_.front()->queue.is_served()] {
            return *is_served && is_known_to_kernel(node);
        };
    }

    iscsi::result<void> start(const relay_pointer& relay);
    iscsi::result<void> recover(const relay_pointer& relay);

    iscsi::result<void> remove() override {
        return without_exceptions([this] { return take_down(); });
    }

    iscsi::result<void> resize(const scsi::logical_unit& now) override {
        if ((device_.flags & ublk::feature_update_size) == 0)
            return disk::resize(now);
        return control_.update_size(device_.device, now.size() / 512);
    }

    iscsi::result<void> set_read_only(const scsi::logical_unit& now) override {
        return protect_node(control_.waiter(), node_, now.read_only);
    }

    // The kernel gave way to nobody: it is somebody else's, or gone. Nothing is removed.
    void let_go() {
        is_there_ = false;
        static_cast<void>(leave_lanes());
    }

  private:
    iscsi::result<void> take_down() {
        if (const auto is_ours = owner(); !is_known_to_kernel(node_) || (is_ours && !is_ours()))
            return vanish(); // somebody else has ended it
        auto stopped =
            control_.flush_and_stop(device_.device, node_, {flush_limit, fail_requests()});
        if (!stopped && stopped.error().code != iscsi::to_error_code(disk_errc::flush_failed))
            return stopped;
        if (auto gone = vanish(); !gone)
            return gone;
        return stopped;
    }

    // For a call that the kernel does not end before its requests do. An adopted device without a
    // server has no requests of ours.
    std::function<void()> fail_requests() const {
        return [paths = paths_, servers = servers_] {
            for (std::size_t n = 0; n < servers.size(); ++n)
                paths[n].where->post([server = servers[n]] { server->queue.fail_all(); });
        };
    }

    iscsi::result<void> serve(const relay_pointer& relay) {
        auto servers = make_servers(control_, device_, relay);
        if (!servers)
            return servers.error();
        if (relay) {
            connect(*relay, *servers, paths_);
            fence_ = relay->fence();
        }
        servers_ = *std::move(servers);
        for (std::size_t n = 0; n < servers_.size(); ++n)
            seats_.push_back(take_seat(paths_[n], servers_[n]));
        return {};
    }

    // False: the target may still run a write of a session that has no queue now. What a session
    // has of a queue that does not come out must not go out later.
    bool leave_lanes() {
        for (std::size_t n = 0; n < seats_.size(); ++n)
            if (!seats_[n]->leave() && fence_)
                paths_[n].where->give_up_unit(paths_[n].what.session, paths_[n].what.lun);
        seats_.clear();
        servers_.clear();
        return !fence_ || fence_->is_settled();
    }

    // STOP_DEV ends the tags, so the lane lets go; then nothing keeps the device, nor its number:
    // if somebody else has removed it, another may have that at once.
    iscsi::result<void> vanish() {
        is_there_ = false;
        const std::string why = node_ + " has ended";
        if (fence_) // leaving may take long, and nothing else is known of it after a kill
            tell_of(with_.unsettled->note(paths_, why));
        if (!is_anothers())
            static_cast<void>(control_.stop(device_.device));
        if (!leave_lanes())
            static_cast<void>(with_.unsettled->add(paths_, why));
        else if (fence_)
            with_.unsettled->withdraw(paths_);
        forget_fence(with_.runtime_folder, device_.server_flags);
        if (!has_queue_file() || is_anothers())
            return {};
        return control_.remove(device_.device);
    }

    void tell_of(unsettled_units::note_result noted) const {
        if (noted == unsettled_units::note_result::of_this_daemon && with_.warn)
            with_.warn(
                node_ + " ends, and that the target may still run a write of it cannot be noted: "
                        "a daemon that is started after a kill will not know"
            );
    }

    bool has_queue_file() const {
        const auto path = "/sys/class/ublk-char/ublkc" + std::to_string(device_.device);
        return ::access(path.c_str(), F_OK) == 0;
    }

    bool is_anothers() const {
        const auto now = control_.info(device_.device);
        return now && now->server_flags != device_.server_flags;
    }

    const surroundings with_;
    ublk_control control_;
    ublk::device_info device_;
    std::string node_;
    const path_list paths_; // the first ones: of each queue
    std::vector<server_pointer> servers_;
    std::vector<std::unique_ptr<lane_seat>> seats_;
    std::shared_ptr<const lane::write_fence> fence_; // of several sessions
    bool is_there_ = true;
};

// START_DEV returns after the scan for partitions, whose reads wait for a target.
iscsi::result<void> ublk_disk::start(const relay_pointer& relay) {
    const auto told = ublk_parameters_of(paths_.front().what.properties, device_.largest_io);
    if (auto set = control_.set_parameters(device_.device, told); !set)
        return set;
    if (auto served = serve(relay); !served)
        return served;
    bool has_failed_requests = false;
    auto started = control_.start(device_.device, {scan_limit, [&] {
                                                       has_failed_requests = true;
                                                       fail_requests()();
                                                   }});
    if (!has_failed_requests)
        return started;
    return no_answer_from_lun(node_, scan_limit);
}

// The kernel needs a moment to see the old daemon off.
iscsi::result<void> ublk_disk::recover(const relay_pointer& relay) {
    iscsi::result<void> begun;
    wait_until(adoption_limit, [&] {
        begun = control_.begin_recovery(device_.device);
        return begun || begun.error().code != iscsi::to_error_code(disk_errc::busy);
    });
    if (!begun)
        return begun;
    if (auto served = serve(relay); !served)
        return served;
    return control_.end_recovery(device_.device, recovery_limit);
}

constexpr std::uint64_t recovery = ublk::feature_user_recovery | ublk::feature_recovery_reissue;

ublk::device_info wishes(const ublk_control& control, const path_list& paths) {
    constexpr ublk_shape shape;
    ublk::device_info wanted;
    wanted.server_flags = paths.front().what.nonce;
    wanted.queues = static_cast<std::uint16_t>(paths.size());
    wanted.queue_depth = shape.depth;
    wanted.largest_io = shape.payload;
    wanted.device = ublk::any_device;
    wanted.flags = recovery;
    wanted.flags |= control.features() & ublk::feature_update_size;
    if (control.encodes())
        wanted.flags |= ublk::feature_ioctl_encode;
    return wanted;
}

iscsi::result<void> check_device(const ublk::device_info& device, const path_list& paths) {
    if ((device.flags & recovery) != recovery) // Linux 6.0
        return not_as_wanted(
            "ublk", "no user recovery", "it (Linux 6.1), for disks that outlive the daemon"
        );
    if (device.queues == 0 || device.queues > paths.size())
        return not_as_wanted("ublk", std::to_string(device.queues) + " queues", "as many as asked");
    return {};
}

// Every one of them has to note the disk, before anybody sees it.
iscsi::result<void> tell_of_appearing(const path_list& paths, const std::string& node) {
    for (const auto& each : paths)
        if (each.what.before_appearing)
            if (auto noted = each.what.before_appearing(node); !noted)
                return noted;
    return {};
}

iscsi::result<std::unique_ptr<disk>> put_up(const surroundings& with, const path_list& paths) {
    const auto& properties = paths.front().what.properties;
    auto control = ublk_control::open(with.waiter);
    if (!control)
        return control.error();
    for (const auto& each : paths)
        if (auto answers = probe_read(*each.where, each.what, scan_limit); !answers)
            return answers.error();
    const auto device = control->add(wishes(*control, paths));
    if (!device)
        return device.error();
    auto made = std::make_unique<ublk_disk>(with, *control, *device, paths);
    if (auto is_fit = check_device(*device, paths); !is_fit)
        return is_fit.error();
    if (auto noted = tell_of_appearing(paths, made->node()); !noted)
        return noted.error();
    const auto relay = make_relay(with.runtime_folder, owners_of(*device, paths));
    if (!relay)
        return relay.error();
    if (auto started = made->start(*relay); !started)
        return started.error();
    if (!wait_for_node(made->node(), node_limit))
        return not_as_wanted(
            "/dev/" + made->node(), "not there", "a node (in a container: pass /dev in)"
        );
    const auto limits = queue_limits_of(properties, device->largest_io);
    set_read_ahead(with.waiter, made->node(), limits.read_ahead);
    if (properties.read_only)
        if (auto is_protected = made->set_read_only(properties); !is_protected)
            return is_protected.error();
    return made;
}

// Nobody will serve it again: its requests fail, which would wait for ever. Where it is in use the
// kernel removes it when it is closed.
void end_for_good(const ublk_control& control, const ublk::device_info& device) {
    static_cast<void>(control.stop(device.device));
    static_cast<void>(control.remove(device.device));
}

struct left_device {
    ublk_control control;
    ublk::device_info info;
};

iscsi::result<left_device>
find_left(const surroundings& with, const path_list& paths, const std::string& node) {
    std::uint32_t number = 0;
    const char* const digits = node.data() + std::min<std::size_t>(node.size(), 5);
    if (std::from_chars(digits, node.data() + node.size(), number).ec != std::errc())
        return not_as_wanted("device", node, "ublkbN");
    auto control = ublk_control::open(with.waiter);
    if (!control)
        return control.error();
    const auto device = control->info(number);
    if (!device)
        return device.error();
    if (device->server_flags != paths.front().what.nonce)
        return not_as_wanted(node, "another's", "the one that was left");
    return left_device{*control, *device};
}

iscsi::result<std::unique_ptr<disk>>
recover_left(const surroundings& with, const left_device& left, const path_list& paths) {
    const auto& [control, device] = left;
    if (device.state == ublk::state_dead) { // its daemon ended before it had begun
        static_cast<void>(control.remove(device.device));
        return not_as_wanted(node_of(device.device), "never started", "a live device");
    }
    const auto relay = find_relay(with.runtime_folder, owners_of(device, paths), with.warn);
    if (!relay) {
        end_for_good(control, device);
        return relay.error();
    }
    auto made = std::make_unique<ublk_disk>(with, control, device, paths);
    if (auto recovered = made->recover(*relay); !recovered) {
        made->let_go();
        return recovered.error();
    }
    return made;
}

// Whoever has sent what to a device that is not taken over: nobody will hear of its end.
iscsi::result<std::unique_ptr<disk>>
take_over(const surroundings& with, const path_list& paths, const std::string& node) {
    const auto left = find_left(with, paths, node);
    auto made = left ? recover_left(with, *left, paths)
                     : iscsi::result<std::unique_ptr<disk>>(left.error());
    const bool is_of_several = paths.size() > 1 || (left && left->info.queues > 1) ||
                               has_fence(with.runtime_folder, paths.front().what.nonce);
    if (!made && is_of_several)
        static_cast<void>(with.unsettled->add(paths, node + " cannot be taken over"));
    return made;
}

class ublk_driver final : public driver {
  public:
    explicit ublk_driver(surroundings with) : with_(std::move(with)) {}

    std::string_view name() const override { return "ublk"; }

    bool can_adopt() const override { return true; }

    // Which device it is shows at the adoption: the question goes through the helper, and waits.
    ownership owner_of(const disk_request& /*what*/, const std::string& node) const override {
        return [node] { return is_known_to_kernel(node); };
    }

    iscsi::result<std::unique_ptr<disk>>
    attach(lane::lane& where, const disk_request& what) override {
        return attach_shared({{&where, what}});
    }

    iscsi::result<std::unique_ptr<disk>>
    adopt(lane::lane& where, const disk_request& what, const std::string& node) override {
        return adopt_shared({{&where, what}}, node);
    }

    bool takes_several_paths() const override { return true; }

    iscsi::result<std::unique_ptr<disk>> attach_shared(const path_list& paths) override {
        return without_exceptions([&] { return put_up(with_, paths); });
    }

    iscsi::result<std::unique_ptr<disk>>
    adopt_shared(const path_list& paths, const std::string& node) override {
        return without_exceptions([&] { return take_over(with_, paths, node); });
    }

  private:
    const surroundings with_;
};

} // namespace

std::unique_ptr<driver> make_ublk_driver(
    helper& waiter,
    std::string runtime_folder,
    std::function<void(const std::string& words)> warn,
    std::shared_ptr<unsettled_units> unsettled
) {
    if (!unsettled)
        unsettled = std::make_shared<unsettled_units>(runtime_folder);
    return std::make_unique<ublk_driver>(surroundings{
        waiter, std::move(runtime_folder), std::move(warn), std::move(unsettled)});
}

iscsi::result<void> ublk_is_here(helper& waiter) {
    if (ublk_control::open(waiter))
        return {};
    load_module(waiter, "ublk_drv");
    auto control = ublk_control::open(waiter);
    if (!control)
        return control.error();
    return {};
}

} // namespace iscsid::disk
