#include "iscsid/session/shared_device.hpp"

#include <utility>

namespace iscsid::session {

// What one session has of it. Its end without remove() ends the device, as with a disk of its own.
class shared_device::part final : public disk::disk {
  public:
    explicit part(std::shared_ptr<shared_device> of) : of_(std::move(of)) {}

    ~part() override {
        const std::scoped_lock lock(of_->guard_);
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

    iscsi::result<void> resize(const scsi::logical_unit& now) override {
        return of_->if_there([&](auto& device) { return device.resize(now); });
    }

    iscsi::result<void> set_read_only(const scsi::logical_unit& now) override {
        return of_->if_there([&](auto& device) { return device.set_read_only(now); });
    }

  private:
    std::shared_ptr<shared_device> of_;
    std::atomic<bool> is_removing_ = false; // or has removed it
};

shared_device::shared_device(std::unique_ptr<disk::disk> device)
    : device_(std::move(device))
    , node_(device_->node())
    , outlives_daemon_(device_->outlives_daemon())
    , is_ours_(device_->owner()) {}

std::unique_ptr<disk::disk> shared_device::share() {
    return std::make_unique<part>(shared_from_this());
}

template <class Call>
iscsi::result<void> shared_device::if_there(Call call) {
    const std::scoped_lock lock(guard_);
    if (!device_)
        return {};
    return call(*device_);
}

} // namespace iscsid::session
