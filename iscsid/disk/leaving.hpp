#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

// What the drivers' residents of a lane have in common: slots for requests, and how they leave.
namespace iscsid::disk {

// The numbers of the slots that no request has. All memory is allocated by the constructor.
class idle_slots {
  public:
    explicit idle_slots(std::uint32_t count) : count_(count) {
        idle_.reserve(count);
        while (count-- > 0)
            idle_.push_back(count);
    }

    bool has_one() const { return !idle_.empty(); }

    bool has_all() const { return idle_.size() == count_; }

    // How many requests have one.
    std::uint32_t taken() const { return count_ - static_cast<std::uint32_t>(idle_.size()); }

    // The one that was used last: its memory is in the cache. Only while has_one().
    std::uint32_t take() {
        const std::uint32_t slot = idle_.back();
        idle_.pop_back();
        return slot;
    }

    void give_back(std::uint32_t slot) { idle_.push_back(slot); }

  private:
    std::uint32_t count_;
    std::vector<std::uint32_t> idle_;
};

// The end of a resident's stay: asked for once by leave(), and over when nothing of it is under way
// any more, neither on the ring nor at the port.
class departure {
  public:
    void ask(std::function<void()> gone) { gone_ = std::move(gone); }

    bool is_asked() const { return bool(gone_); }

    // To be called after each end of something, as the last act: what is told then may destroy the
    // resident. Nothing happens before ask(), or twice.
    void leave_if(bool nothing_is_under_way) {
        if (!gone_ || !nothing_is_under_way)
            return;
        const auto gone = std::exchange(gone_, {});
        gone();
    }

  private:
    std::function<void()> gone_;
};

} // namespace iscsid::disk
