#pragma once

#include "iscsid/lane/write_ledger.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace iscsid::session {

// What was written through a disk: the ledgers of its unit, one for each session that it has.
// Empty: the lane does not answer.
class disk_ledgers {
  public:
    using pointer = std::shared_ptr<const lane::write_ledger>;

    disk_ledgers() = default;

    explicit disk_ledgers(std::vector<pointer> all) : all_(std::move(all)) {
        std::erase(all_, nullptr);
    }

    void add(const disk_ledgers& other) {
        all_.insert(all_.end(), other.all_.begin(), other.all_.end());
    }

    explicit operator bool() const { return !all_.empty(); }

    // Of all together; it was flushed when all were.
    lane::write_ledger::balance now() const {
        lane::write_ledger::balance sum;
        sum.was_flushed = !all_.empty();
        for (const auto& each : all_) {
            const auto of_one = each->now();
            sum.unflushed += of_one.unflushed;
            sum.failed += of_one.failed;
            sum.was_flushed &= of_one.was_flushed;
            if (sum.flush_error == 0)
                sum.flush_error = of_one.flush_error;
        }
        return sum;
    }

    bool is_flush_due() const {
        return std::ranges::any_of(all_, [](const auto& each) { return each->is_flush_due(); });
    }

    std::uint64_t ended_well() const {
        std::uint64_t sum = 0;
        for (const auto& each : all_)
            sum += each->ended_well();
        return sum;
    }

  private:
    std::vector<pointer> all_;
};

} // namespace iscsid::session
