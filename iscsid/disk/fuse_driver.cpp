#include "iscsid/disk/fuse_driver.hpp"

#include "iscsid/disk/block_node.hpp"
#include "iscsid/disk/fuse_file.hpp"
#include "iscsid/disk/fuse_mount.hpp"
#include "iscsid/disk/kept_file.hpp"
#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/lane_seat.hpp"
#include "iscsid/disk/loop_binding.hpp"
#include "iscsid/disk/queue_limits.hpp"

#include <atomic>
#include <bit>
#include <optional>
#include <system_error>
#include <utility>

namespace iscsid::disk {

namespace {

// loff_t is signed.
constexpr std::uint64_t largest_disk = (std::uint64_t{1} << 63U) - 1;

// What the lane works with. Lives until the lane lets go of it, even when that takes longer than
// anybody waits for: a request may hang in a session that is in recovery.
struct fuse_link {
    fuse_link(
        os::descriptor opened,
        const scsi::logical_unit& lun,
        const fuse_shape& shape,
        std::function<void(int error)> reply_is_refused = {}
    )
        : device(std::move(opened))
        , file(device.number(), lun, shape, std::move(reply_is_refused)) {}

    os::descriptor device;
    fuse_file file;
};

// Ends a connection with its own end: the kernel gives entries of io_uring back only then, and the
// lane waits for them.
class connection_end {
  public:
    connection_end(helper& waiter, std::string path) : waiter_(&waiter), path_(std::move(path)) {}

    ~connection_end() {
        constexpr std::chrono::seconds time_to_abort{5};
        if (!path_.empty() && !waiter_->order({operation::abort, path_}, {time_to_abort}))
            fuse_mount::abort(path_);
    }

    connection_end(connection_end&& other) noexcept
        : waiter_(other.waiter_), path_(std::exchange(other.path_, {})) {}

    connection_end& operator=(connection_end&&) = delete;
    connection_end(const connection_end&) = delete;
    connection_end& operator=(const connection_end&) = delete;

  private:
    helper* waiter_;
    std::string path_; // of the mount; empty: moved away
};

// What a disk is made of, in the order in which it is made; the reverse takes everything down.
struct fuse_parts {
    std::unique_ptr<kept_file> kept; // nullptr: nobody keeps it
    std::optional<fuse_mount> mount;
    std::shared_ptr<fuse_link> link;
    std::unique_ptr<lane_seat> seat;
    std::optional<connection_end> end; // none: the lane lets go of the file by itself
    std::optional<loop_binding> loop;
};

class fuse_disk final : public disk {
  public:
    fuse_disk(
        lane::lane& where, fuse_parts parts, const fuse_patience& patience, std::string remark = {}
    )
        : lane_(where)
        , parts_(std::move(parts))
        , node_(parts_.loop->node())
        , owner_(parts_.loop->owner())
        , patience_(patience)
        , remark_(std::move(remark)) {}

    ~fuse_disk() override {
        remove();
        if (parts_.mount) // somebody has it open: for him it ends with errors
            parts_.mount->abort();
    }

    fuse_disk(const fuse_disk&) = delete;
    fuse_disk& operator=(const fuse_disk&) = delete;
    fuse_disk(fuse_disk&&) = delete;
    fuse_disk& operator=(fuse_disk&&) = delete;

    const std::string& node() const override { return node_; }

    ownership owner() const override { return owner_; }

    std::string remark() const override { return remark_; }

    bool outlives_daemon() const override { return parts_.kept && parts_.kept->is_kept(); }

    iscsi::result<void> remove() override {
        return without_exceptions([this] { return take_down(); });
    }

    // The lane first, then FUSE asks it, then loop asks FUSE.
    iscsi::result<void> resize(const scsi::logical_unit& now) override {
        lane_.post([link = parts_.link, blocks = now.block_count] { link->file.resize(blocks); });
        return parts_.loop->follow_size(at_most(patience_.attach));
    }

  private:
    iscsi::result<void> take_down() {
        if (!parts_.loop)
            return {};
        auto unbound = unbind();
        if (!unbound && unbound.error().code != iscsi::to_error_code(disk_errc::flush_failed))
            return unbound;
        parts_.loop.reset();
        parts_.end.reset();
        parts_.link.reset();
        parts_.seat.reset();
        parts_.mount.reset();
        parts_.kept.reset();
        return unbound;
    }

    iscsi::result<void> unbind() {
        return parts_.loop->unbind(patience_.users, at_most(patience_.flush + patience_.users));
    }

    helper::limit at_most(std::chrono::milliseconds time) const {
        return {time, [this] { parts_.mount->abort(); }};
    }

    lane::lane& lane_;
    fuse_parts parts_;
    std::string node_;
    ownership owner_;
    fuse_patience patience_;
    std::string remark_;
};

loop_settings loop_settings_of(const scsi::logical_unit& lun, const std::string& path) {
    loop_settings settings;
    settings.file = path;
    settings.block_size = lun.block_size;
    settings.size = lun.size();
    settings.read_only = lun.read_only;
    settings.read_ahead = queue_limits_of(lun, shape_for(lun).payload).read_ahead;
    return settings;
}

class fuse_driver final : public driver {
  public:
    fuse_driver(helper& waiter, std::string runtime_folder, fuse_settings settings)
        : waiter_(waiter)
        , folder_(std::move(runtime_folder) + "/disks")
        , settings_(std::move(settings)) {
        if (!kernel_has_resend())
            settings_.kept = nullptr;
    }

    std::string_view name() const override { return "fuse"; }

    std::string words() const override { return choose_way(look(can_adopt())).words; }

    bool can_adopt() const override {
        return settings_.kept != nullptr && settings_.kept->is_kept();
    }

    // Which device it will be only the kernel knows.
    bool tells_of_appearing() const override { return false; }

    ownership owner_of(const disk_request& what, const std::string& node) const override;

    iscsi::result<std::unique_ptr<disk>>
    attach(lane::lane& where, const disk_request& what) override {
        return without_exceptions([&] { return put_up_somehow(where, what); });
    }

    iscsi::result<std::unique_ptr<disk>>
    adopt(lane::lane& where, const disk_request& what, const std::string& node) override {
        return without_exceptions([&] { return take_over(where, what, node); });
    }

  private:
    ring_facts look(bool is_kept) const;
    std::function<void(int error)> end_of_refused(const std::string& path) const;
    iscsi::result<std::unique_ptr<disk>>
    put_up_somehow(lane::lane& where, const disk_request& what) const;
    iscsi::result<std::unique_ptr<disk>> put_up(lane::lane& where, const disk_request& what) const;
    iscsi::result<std::unique_ptr<disk>>
    take_over(lane::lane& where, const disk_request& what, const std::string& node) const;
    std::unique_ptr<kept_file> keep(const disk_request& what, const os::descriptor& device) const;
    std::optional<fuse_mount_point> left_mount(std::uint64_t nonce) const;
    mount_settings mount_settings_of(const disk_request& what, int device, bool is_kept) const;

    helper& waiter_;
    std::string folder_;
    fuse_settings settings_; // `kept` also nullptr: this kernel cannot go on
    mutable std::atomic<bool> ring_is_refused_{false};
};

iscsi::result<void> usable(const scsi::logical_unit& lun) {
    const std::uint32_t block = lun.block_size;
    const auto fault = [](std::string field, std::uint64_t got, std::string expected) {
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::attach_failed),
            std::move(field),
            std::to_string(got),
            std::move(expected)};
    };
    if (block < 512 || block > fuse::page || !std::has_single_bit(block))
        return fault("logical block size", block, "512, 1024, 2048 or 4096 for a loop device");
    if (lun.block_count == 0 || lun.block_count > largest_disk / block)
        return fault("block count", lun.block_count, "a disk of 1 block to 8 EiB - 1");
    return {};
}

mount_settings
fuse_driver::mount_settings_of(const disk_request& what, int device, bool is_kept) const {
    mount_settings settings;
    settings.folder = folder_;
    settings.name = "s" + std::to_string(what.session) + "-lun" + std::to_string(what.lun_number);
    settings.source = what.target_name + ",lun" + std::to_string(what.lun_number);
    if (is_kept)
        settings.source = kept_source(settings.source, what.nonce);
    settings.device = device;
    settings.read_only = what.properties.read_only;
    settings.largest_read = shape_for(what.properties, settings_.shape).payload;
    return settings;
}

std::unique_ptr<kept_file>
fuse_driver::keep(const disk_request& what, const os::descriptor& device) const {
    if (!can_adopt() || what.nonce == 0)
        return nullptr;
    return kept_file::keep(*settings_.kept, what.nonce, device);
}

// A place on the lane, and what has it.
void seat(
    fuse_parts& parts,
    lane::lane& where,
    const disk_request& what,
    std::chrono::milliseconds patience
) {
    const std::shared_ptr<lane::lane_resident> file(parts.link, &parts.link->file);
    parts.seat = std::make_unique<lane_seat>(where, what, file, patience);
}

ring_facts fuse_driver::look(bool is_kept) const {
    auto facts = look_for_ring(settings_.ring, settings_.has_io_uring, is_kept);
    facts.was_refused = ring_is_refused_;
    return facts;
}

// The kernel does without io_uring when it refuses an entry itself; when somebody before it does,
// as a security module, it waits for entries that never come.
iscsi::result<std::unique_ptr<disk>>
fuse_driver::put_up_somehow(lane::lane& where, const disk_request& what) const {
    const bool was_refused = ring_is_refused_;
    auto made = put_up(where, what);
    if (!made && !was_refused && ring_is_refused_)
        made = put_up(where, what);
    return made;
}

// A request whose reply the kernel refuses would wait for ever, and the end of the disk with it. On
// the lane's thread, which must not wait: the helper ends the connection.
std::function<void(int error)> fuse_driver::end_of_refused(const std::string& path) const {
    return [this_waiter = &waiter_, tell = settings_.tell, path](int error) {
        if (tell)
            tell(
                path + ": the kernel refuses a reply by io_uring: " +
                std::generic_category().message(error) + "; the disk has ended, all its I/O fails"
            );
        // Closing the descriptor gives up hearing of its end, not the order.
        static_cast<void>(this_waiter->begin_order({operation::abort, path}));
    };
}

int refusal_of(const fuse_file& file) {
    return file.queues() == nullptr ? 0 : file.queues()->refusal();
}

// The disk has been asked by then.
std::string remark_on(const fuse_file& file) {
    if (file.queues() == nullptr || file.queues()->are_used())
        return {};
    const int refusal = refusal_of(file);
    return "requests are read from /dev/fuse: " +
           (refusal == 0 ? "io_uring is not offered for them"
                         : "io_uring is refused: " + std::generic_category().message(refusal));
}

// A kernel that has refused some of the entries uses the others, but no longer when the parameter
// enable_uring is taken back.
iscsi::result<void> check_ring(const fuse_file& file) {
    if (refusal_of(file) == 0 || !file.queues()->are_used())
        return {};
    return not_as_wanted("io_uring of a FUSE disk", "refused for a part of its queues", "all");
}

// Each step undoes itself when a later one fails. Kept before the mount shows that it is.
iscsi::result<std::unique_ptr<disk>>
fuse_driver::put_up(lane::lane& where, const disk_request& what) const {
    if (const auto fits = usable(what.properties); !fits)
        return fits.error();
    auto device = open_fuse();
    if (!device)
        return device.error();
    fuse_parts parts;
    const auto facts = look(can_adopt() && what.nonce != 0);
    const bool by_ring = choose_way(facts).by_ring;
    parts.kept = by_ring ? nullptr : keep(what, *device);
    const bool is_kept = parts.kept != nullptr;
    auto mounted = fuse_mount::make(waiter_, mount_settings_of(what, device->number(), is_kept));
    if (!mounted)
        return mounted.error();
    parts.mount.emplace(std::move(*mounted));
    fuse_shape shape = shape_for(what.properties, settings_.shape);
    shape.present = is_kept;
    if (by_ring) {
        shape = with_queues(shape, facts.processors);
        parts.end.emplace(waiter_, parts.mount->path());
    }
    parts.link = std::make_shared<fuse_link>(
        std::move(*device), what.properties, shape, end_of_refused(parts.mount->path())
    );
    seat(parts, where, what, settings_.patience.lane);
    // Opening the file and scanning for partitions wait for the lane, and that perhaps for a
    // target.
    auto loop = loop_binding::make(
        waiter_,
        loop_settings_of(what.properties, parts.mount->path()),
        {settings_.patience.attach, [&parts] { parts.mount->abort(); }}
    );
    if (!loop) {
        ring_is_refused_ = ring_is_refused_ || refusal_of(parts.link->file) != 0;
        return loop.error();
    }
    parts.loop.emplace(std::move(*loop));
    if (const auto half = check_ring(parts.link->file); !half) {
        ring_is_refused_ = true;
        return half.error();
    }
    if (!parts.link->file.can_resend())
        parts.kept.reset();
    auto remark = facts.was_refused ? choose_way(facts).words : remark_on(parts.link->file);
    return std::make_unique<fuse_disk>(
        where, std::move(parts), settings_.patience, std::move(remark)
    );
}

std::optional<fuse_mount_point> fuse_driver::left_mount(std::uint64_t nonce) const {
    for (auto& each : mounts_below(folder_ + "/"))
        if (kept_nonce(each.source) == nonce)
            return std::move(each);
    return std::nullopt;
}

ownership fuse_driver::owner_of(const disk_request& what, const std::string& node) const {
    const auto mounted = left_mount(what.nonce);
    return [node, path = mounted ? mounted->path : std::string()] {
        return !path.empty() && backing_file_of(node) == path;
    };
}

// What is found of a disk that cannot go on is taken down. Requests are as long as the earlier
// daemon has agreed with the kernel.
iscsi::result<std::unique_ptr<disk>>
fuse_driver::take_over(lane::lane& where, const disk_request& what, const std::string& node) const {
    const auto no_mount = iscsi::fault{
        iscsi::to_error_code(disk_errc::attach_failed), node, "no mount", "the one that it had"};
    if (settings_.kept == nullptr)
        return no_mount;
    fuse_parts parts;
    parts.kept = kept_file::of_earlier(*settings_.kept, what.nonce);
    const auto found = left_mount(what.nonce);
    if (!found || largest_read(*found) == 0)
        return no_mount;
    auto device = settings_.kept->take(stored_name(what.nonce));
    parts.mount.emplace(fuse_mount::take_over(waiter_, found->path));
    auto loop = loop_binding::take_over(
        waiter_, node, loop_settings_of(what.properties, parts.mount->path())
    );
    if (!loop)
        return loop.error();
    parts.loop.emplace(std::move(*loop));
    fuse_shape shape = shape_for(what.properties, settings_.shape);
    shape.payload = largest_read(*found);
    shape.present = true;
    if (auto again = have_resent(device); !again)
        return again.error();
    parts.link = std::make_shared<fuse_link>(std::move(device), what.properties, shape);
    seat(parts, where, what, settings_.patience.lane);
    return std::make_unique<fuse_disk>(where, std::move(parts), settings_.patience);
}

} // namespace

std::unique_ptr<driver>
make_fuse_driver(helper& waiter, std::string runtime_folder, const fuse_settings& settings) {
    return std::make_unique<fuse_driver>(waiter, std::move(runtime_folder), settings);
}

iscsi::result<void> fuse_is_here(helper& waiter) {
    struct need {
        const char* module;
        const char* device;
    };

    for (const auto& [module, device] :
         {need{"fuse", "/dev/fuse"}, need{"loop", "/dev/loop-control"}}) {
        if (::access(device, F_OK) != 0)
            load_module(waiter, module);
        if (::access(device, R_OK | W_OK) != 0)
            return system_fault(
                disk_errc::no_driver,
                device,
                "a device to read and write (in a container: pass it in)"
            );
    }
    return {};
}

} // namespace iscsid::disk
