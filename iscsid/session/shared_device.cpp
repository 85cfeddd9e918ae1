#include "iscsid/session/shared_device.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace iscsid::session {

// What one session has of it. Its end without remove() ends the device, as with a disk of its own.
class shared_device::part final : public disk::disk {
  public:
    explicit part(std::shared_ptr<shared_device> of) : of_(std::move(of)) {
        const std::scoped_lock lock(of_->views_guard_);
        known_ = of_->shown_;
        of_->parts_.push_back(this);
    }

    ~part() override {
        const std::scoped_lock lock(of_->guard_, of_->views_guard_);
        std::erase(of_->parts_, this);
        *of_->has_ended_ = true;
        of_->device_.reset();
    }

    part(const part&) = delete;
    part& operator=(const part&) = delete;
    part(part&&) = delete;
    part& operator=(part&&) = delete;

    const std::string& node() const override { return of_->node_; }

    iscsid::disk::ownership owner() const override {
        return [has_ended = of_->has_ended_, is_ours = of_->is_ours_] {
            return !*has_ended && (!is_ours || is_ours());
        };
    }

    bool outlives_daemon() const override { return of_->outlives_daemon_; }

    bool ends_with_another() const override {
        return (of_->has_ended() || of_->is_removed_) && !is_removing_;
    }

    std::unique_lock<std::mutex> take_turn() override { return std::unique_lock(of_->guard_); }

    // The last flush, and what it says of losses, is the affair of whoever came first.
    iscsi::result<void> remove() override {
        const std::scoped_lock lock(of_->guard_);
        if (!of_->device_)
            return {};
        is_removing_ = of_->is_removed_ = true;
        auto removed = of_->device_->remove();
        using iscsid::disk::disk_errc;
        if (!removed && removed.error().code != iscsi::to_error_code(disk_errc::flush_failed)) {
            is_removing_ = of_->is_removed_ = false;
            return removed;
        }
        *of_->has_ended_ = true;
        of_->device_.reset();
        return removed;
    }

    const scsi::logical_unit& known() const { return known_; }

    iscsi::result<void> resize(const scsi::logical_unit& now) override {
        return of_->if_there([&](auto& device) -> iscsi::result<void> {
            const auto to = view_with(&scsi::logical_unit::block_count, now);
            return to ? of_->shows(*to, device.resize(*to)) : iscsi::result<void>();
        });
    }

    iscsi::result<void> set_read_only(const scsi::logical_unit& now) override {
        return of_->if_there([&](auto& device) -> iscsi::result<void> {
            const auto to = view_with(&scsi::logical_unit::read_only, now);
            return to ? of_->shows(*to, device.set_read_only(*to)) : iscsi::result<void>();
        });
    }

  private:
    // Its session has seen that; what the device has to show then, if that is news.
    template <class Member>
    std::optional<scsi::logical_unit> view_with(Member which, const scsi::logical_unit& now) {
        const std::scoped_lock lock(of_->views_guard_);
        known_.*which = now.*which;
        auto to = of_->shown_;
        to.*which = of_->known_to_all().*which;
        return to.*which == of_->shown_.*which ? std::nullopt : std::optional(std::move(to));
    }

    scsi::logical_unit known_;
    std::shared_ptr<shared_device> of_;
    std::atomic<bool> is_removing_ = false; // or has removed it
};

shared_device::shared_device(std::unique_ptr<disk::disk> device, scsi::logical_unit properties)
    : device_(std::move(device))
    , shown_(std::move(properties))
    , node_(device_->node())
    , outlives_daemon_(device_->outlives_daemon())
    , is_ours_(device_->owner()) {}

std::unique_ptr<disk::disk> shared_device::share() {
    return std::make_unique<part>(shared_from_this());
}

// A larger unit when all have seen it, a smaller one at once; and so with write protection, which
// ends when it has ended for all.
scsi::logical_unit shared_device::known_to_all() const {
    scsi::logical_unit all = parts_.front()->known();
    for (const auto* each : parts_) {
        all.block_count = std::min(all.block_count, each->known().block_count);
        all.read_only |= each->known().read_only;
    }
    return all;
}

iscsi::result<void> shared_device::shows(const scsi::logical_unit& now, iscsi::result<void> done) {
    const std::scoped_lock lock(views_guard_);
    if (done)
        shown_ = now;
    return done;
}

template <class Call>
iscsi::result<void> shared_device::if_there(Call call) {
    const std::scoped_lock lock(guard_);
    if (!device_)
        return {};
    return call(*device_);
}

} // namespace iscsid::session
