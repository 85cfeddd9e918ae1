#include "iscsid/disk/fuse_driver.hpp"

#include "iscsid/disk/block_node.hpp"
#include "iscsid/disk/fuse_file.hpp"
#include "iscsid/disk/fuse_mount.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/lane_seat.hpp"
#include "iscsid/disk/loop_binding.hpp"
#include "iscsid/disk/queue_limits.hpp"

#include <bit>
#include <optional>

namespace iscsid::disk {

namespace {

// loff_t is signed.
constexpr std::uint64_t largest_disk = (std::uint64_t{1} << 63U) - 1;

// What the lane works with. Lives until the lane lets go of it, even when that takes longer than
// anybody waits for: a request may hang in a session that is in recovery.
struct fuse_link {
    fuse_link(os::descriptor opened, const scsi::logical_unit& lun, const fuse_shape& shape)
        : device(std::move(opened)), file(device.number(), lun, shape) {}

    os::descriptor device;
    fuse_file file;
};

// Members in the order in which they are made; the reverse takes everything down.
class fuse_disk final : public disk {
  public:
    fuse_disk(
        lane::lane& where,
        fuse_mount mounted,
        std::shared_ptr<fuse_link> link,
        std::unique_ptr<lane_seat> seat,
        loop_binding loop,
        const fuse_patience& patience
    )
        : lane_(where)
        , mount_(std::move(mounted))
        , link_(std::move(link))
        , seat_(std::move(seat))
        , loop_(std::move(loop))
        , node_(loop_->node())
        , owner_(loop_->owner())
        , patience_(patience) {}

    ~fuse_disk() override {
        remove();
        if (mount_) // somebody has it open: for him it ends with errors
            mount_->abort();
    }

    fuse_disk(const fuse_disk&) = delete;
    fuse_disk& operator=(const fuse_disk&) = delete;
    fuse_disk(fuse_disk&&) = delete;
    fuse_disk& operator=(fuse_disk&&) = delete;

    const std::string& node() const override { return node_; }

    ownership owner() const override { return owner_; }

    iscsi::result<void> remove() override {
        return without_exceptions([this] { return take_down(); });
    }

    // The lane first, then FUSE asks it, then loop asks FUSE.
    iscsi::result<void> resize(const scsi::logical_unit& now) override {
        lane_.post([link = link_, blocks = now.block_count] { link->file.resize(blocks); });
        return loop_->follow_size(at_most(patience_.attach));
    }

  private:
    iscsi::result<void> take_down() {
        if (!loop_)
            return {};
        auto unbound = unbind();
        if (!unbound && unbound.error().code != iscsi::to_error_code(disk_errc::flush_failed))
            return unbound;
        loop_.reset();
        link_.reset();
        seat_.reset();
        mount_.reset();
        return unbound;
    }

    iscsi::result<void> unbind() {
        return loop_->unbind(patience_.users, at_most(patience_.flush + patience_.users));
    }

    helper::limit at_most(std::chrono::milliseconds time) const {
        return {time, [this] { mount_->abort(); }};
    }

    lane::lane& lane_;
    std::optional<fuse_mount> mount_;
    std::shared_ptr<fuse_link> link_;
    std::unique_ptr<lane_seat> seat_;
    std::optional<loop_binding> loop_;
    std::string node_;
    ownership owner_;
    fuse_patience patience_;
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
    fuse_driver(
        helper& waiter,
        std::string runtime_folder,
        const fuse_shape& shape,
        const fuse_patience& patience
    )
        : waiter_(waiter)
        , folder_(std::move(runtime_folder) + "/disks")
        , shape_(shape)
        , patience_(patience) {}

    std::string_view name() const override { return "fuse"; }

    iscsi::result<std::unique_ptr<disk>>
    attach(lane::lane& where, const disk_request& what) override {
        return without_exceptions([&] { return put_up(where, what); });
    }

  private:
    iscsi::result<std::unique_ptr<disk>> put_up(lane::lane& where, const disk_request& what) const;
    mount_settings mount_settings_of(const disk_request& what, int device) const;

    helper& waiter_;
    std::string folder_;
    fuse_shape shape_;
    fuse_patience patience_;
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

mount_settings fuse_driver::mount_settings_of(const disk_request& what, int device) const {
    mount_settings settings;
    settings.folder = folder_;
    settings.name = "s" + std::to_string(what.session) + "-lun" + std::to_string(what.lun_number);
    settings.source = what.target_name + ",lun" + std::to_string(what.lun_number);
    settings.device = device;
    settings.read_only = what.properties.read_only;
    settings.largest_read = shape_for(what.properties, shape_).payload;
    return settings;
}

// Each step undoes itself when a later one fails.
iscsi::result<std::unique_ptr<disk>>
fuse_driver::put_up(lane::lane& where, const disk_request& what) const {
    if (const auto fits = usable(what.properties); !fits)
        return fits.error();
    auto device = open_fuse();
    if (!device)
        return device.error();
    auto mounted = fuse_mount::make(waiter_, mount_settings_of(what, device->number()));
    if (!mounted)
        return mounted.error();
    auto link = std::make_shared<fuse_link>(
        std::move(*device), what.properties, shape_for(what.properties, shape_)
    );
    const std::shared_ptr<lane::lane_resident> file(link, &link->file);
    auto seat = std::make_unique<lane_seat>(where, what, file, patience_.lane);
    // Opening the file and scanning for partitions wait for the lane, and that perhaps for a
    // target.
    auto loop = loop_binding::make(
        waiter_,
        loop_settings_of(what.properties, mounted->path()),
        {patience_.attach, [&mounted] { mounted->abort(); }}
    );
    if (!loop)
        return loop.error();
    return std::make_unique<fuse_disk>(
        where, std::move(*mounted), link, std::move(seat), std::move(*loop), patience_
    );
}

} // namespace

std::unique_ptr<driver> make_fuse_driver(
    helper& waiter,
    std::string runtime_folder,
    const fuse_shape& shape,
    const fuse_patience& patience
) {
    return std::make_unique<fuse_driver>(waiter, std::move(runtime_folder), shape, patience);
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
